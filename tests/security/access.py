"""Who may what: every route of the service against nobody and every role, in one table (U1).

The API's part is that of `tests/web/test_roles.py`, what is shown is that of `tests/web/pages/test_every_page.py`; what
pages do, and what is open to all, is here. Print it with

    .venv/bin/python -m tests.security.access
"""

from __future__ import annotations

import re
import uuid
from typing import NamedTuple

from flask import Flask
from werkzeug.routing import Rule

from domain.actors import Role
from domain.settings import Settings
from tests.web import test_roles
from tests.web.pages.test_every_page import PAGES

READERS = (Role.VIEWER, Role.SALESPERSON, Role.MARKETING, Role.ADMIN)


class Route(NamedTuple):
    """A method on a rule of the url map."""

    method: str
    rule: str
    endpoint: str

    @property
    def is_page(self) -> bool:
        """Whether it is for people, and not for programs or supervisors."""
        return self.endpoint.startswith("pages.")

    def address(self) -> str:
        """Return an address of it, with keys that nothing has."""
        address = re.sub(r"<any\(([^,)]+)[^)]*\):\w+>", r"\1", self.rule)
        address = re.sub(r"<int[^:>]*:\w+>", "1999999999", address)
        address = re.sub(r"<uuid:\w+>", str(uuid.UUID(int=1)), address)
        return re.sub(r"<[^>]+>", "NOBODY", address)


# Of the API as well: its description, and the files of its documentation.
OPEN_TO_ALL = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/static/<path:filename>"),
    ("GET", "/bootstrap/static/<path:filename>"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/link/<token>"),
    ("POST", "/sign-in/link/<token>"),
    ("POST", "/sign-out"),
    ("POST", "/language"),
    *test_roles.OPEN,
}
# What is shown apart from pages.
SHOWN = """
GET /lookup/<kind>
GET /charts/<any(columns, rows):shape>-<any(light, dark):ink>.svg
GET /guide/files/<path:filename>
GET /jobs/watch
GET /lists/<name>/export.<any(csv, xlsx):form>
GET /document-events/<int:key>/link
GET /statistics/<any(template, group, salesperson, campaign, contact):by>/<key>.svg
""".splitlines()
# One's own settings; and a job, which is stopped by whoever asked for it, or by marketing.
VIEWERS = """
POST /my-settings
POST /appearance
POST /time-zone
POST /lists/<name>/columns
POST /lists/<name>/views
POST /lists/<name>/views/forget
POST /jobs/<key>/cancel
""".splitlines()
SALESPEOPLE = """
POST /interactions/new/
POST /interactions/change
POST /interactions/<int:key>/cancel
POST /interactions/<int:key>/restore
POST /interactions/<int:key>/comment
POST /interactions/<int:key>/outcome
POST /postponed-interactions/<int:key>
POST /postponed-interactions/delete
""".splitlines()
MARKETING = """
POST /contacts/new
POST /contacts/add-to-segment
POST /contacts/<key>
POST /contacts/<key>/delete
POST /campaigns/new
POST /campaigns/<key>
POST /campaigns/<key>/delete
POST /campaign-entries/<int:key>/cancel
POST /campaign-entries/<int:key>/restore
POST /logged-segments/<key>/cancel
POST /logged-segments/<key>/restore
POST /logged-segments/<key>/delete
POST /logged-segments/<key>/follow-up
POST /logged-segments/<key>/skipped-segment
POST /logged-segments/delete-canceled
POST /saved-criteria/<key>/delete
POST /segments/new
POST /segments/<key>
POST /segments/<key>/<any(add, reduce, refine):action>-contacts
POST /segments/<key>/<any(apply, reuse, fill, copy, save):way>
POST /segments/<key>/add-line
POST /segments/<key>/delete
POST /segments/<key>/lines/<int(max=2000000000):line_no>/
POST /segments/<key>/lines/<int(max=2000000000):line_no>/remove
POST /segments/<key>/lines/many/
POST /segments/<key>/lines/many/remove
POST /segments/<key>/list
POST /segments/<key>/log
POST /segments/<key>/undo
""".splitlines()
ADMINS = """
POST /contacts/<key>/erase
POST /contacts/<key>/personal-data
POST /document-events/replay
POST /housekeeping/
POST /housekeeping/run
POST /interaction-groups/new
POST /interaction-groups/<key>
POST /interaction-groups/<key>/delete
POST /interaction-templates/new
POST /interaction-templates/<key>
POST /interaction-templates/<key>/delete
POST /marketing-setup/
POST /number-series/new
POST /number-series/<key>
POST /purge-schedules/new
POST /purge-schedules/<key>
POST /purge-schedules/<key>/delete
POST /purge-schedules/<key>/run
POST /purges/new
POST /purges/confirm-clock
POST /salespeople/new
POST /salespeople/<key>
POST /salespeople/<key>/delete
POST /template-setup/
POST /tokens/new
POST /tokens/<int(max=2000000000):key>/revoke
POST /users/new
POST /users/<key>
POST /users/<key>/sign-in-link
""".splitlines()
LEAST = [
    (SHOWN, Role.VIEWER),
    (VIEWERS, Role.VIEWER),
    (SALESPEOPLE, Role.SALESPERSON),
    (MARKETING, Role.MARKETING),
    (ADMINS, Role.ADMIN),
]


def routes(app: Flask) -> list[Route]:
    """Return everything that can be asked for."""
    rules: list[Rule] = sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule)
    return [
        Route(method, rule.rule, rule.endpoint)
        for rule in rules
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def table(app: Flask) -> dict[tuple[str, str], frozenset[Role] | None]:
    """Return the roles that may use each route; None: everybody, without signing in."""
    rights: dict[tuple[str, str], frozenset[Role] | None] = dict.fromkeys(OPEN_TO_ALL)
    for (method, path), roles in test_roles.TABLE.items():
        rights[method, "/api/v1" + path] = frozenset(roles)
    for route in routes(app):
        if route.method == "GET" and (page := PAGES.get(route.endpoint.removeprefix("pages."))):
            rights["GET", route.rule] = _from(page[1])
    for lines, least in LEAST:
        for method, _, rule in (line.partition(" ") for line in lines if line):
            rights[method, rule] = _from(least)
    return rights


def _from(least: Role) -> frozenset[Role]:
    return frozenset(role for role in READERS if role.includes(least))


def report(app: Flask) -> str:
    """Return the table as Markdown: routes x nobody and roles."""
    rights = table(app)
    lines = ["| route | nobody | " + " | ".join(Role) + " |", "|---|---|" + "---|" * len(Role)]
    for route in routes(app):
        allowed = rights[route.method, route.rule]
        marks = ["yes" if allowed is None else ""] + [
            "yes" if allowed is None or role in allowed else "" for role in Role
        ]
        lines.append(f"| `{route.method} {route.rule}` | " + " | ".join(marks) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    from web import create_app

    nowhere = Settings(DATABASE_URL="postgresql://", REDIS_URL="redis://", secret_key="none")
    sys.stdout.write(report(create_app(nowhere)) + "\n")
