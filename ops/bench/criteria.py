"""Measures building segments among many contacts with many entries, by criteria."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import text

from domain import actors, criteria, segments, undo
from domain.errors import Refusal
from ops.bench.company import Company, timed
from ops.bench.figures import Figure, Side, Waits
from ops.bench.ground import Ground, seconds_of

# Counts by each filter and round: enough for a 95th percentile.
COUNTS = 7
COUNTRIES = ("DE", "GB", "FR", "US")
SINCE = "2026-01-01"

# Contacts are half companies, half people; each in two of ten mailing groups, each with two entries on average.
MAKE = """
    INSERT INTO salesperson (code) SELECT 'SP' || n FROM generate_series(1, 20) n;
    INSERT INTO interaction_group (code) VALUES ('LETTER'), ('CALL');
    INSERT INTO interaction_template (code, group_id, version_id)
    SELECT 'T' || n, (SELECT min(id) FROM interaction_group) + n % 2, n FROM generate_series(1, 8) n;
    INSERT INTO interaction_template_version (template_id, description, group_id)
    SELECT id, code, group_id FROM interaction_template ORDER BY id;
    INSERT INTO contact (no, type, name, city, country_code, territory_code, language_code, salesperson_id, post_code)
    SELECT 'CT' || lpad(n::text, 7, '0'), CASE WHEN n % 2 = 0 THEN 'person' ELSE 'company' END,
           (ARRAY['Cane', 'Lordship', 'Deerfield', 'Möbel', 'Progressive'])[1 + n % 5] || ' ' || md5(n::text),
           'City ' || n % 500, (ARRAY['DE', 'GB', 'FR', 'US'])[1 + n % 4], 'T' || n % 7,
           (ARRAY['DEU', 'ENG', 'FRA'])[1 + n % 3], 1 + n % 20, 'P' || n % 9999
    FROM generate_series(1, :contacts) n;
    UPDATE contact SET company_id = id - 1 WHERE type = 'person' AND id % 4 = 0;
    INSERT INTO contact_membership (kind, code, contact_id)
    SELECT 'mailing_group', 'G' || (id + k * 3) % 10, id FROM contact, generate_series(0, 1) k;
    INSERT INTO contact_membership (kind, code, contact_id)
    SELECT 'industry_group', 'I' || id % 5, id FROM contact WHERE type = 'company';
    INSERT INTO interaction (entry_no, contact_id, company_id, template_version_id, actor_id, date, description,
                             salesperson_id, evaluation)
    SELECT n, 1 + n::bigint * 7919 % :contacts, NULL, 1 + n % 8, 1, date '2025-01-01' + n % 500, 'x', 1 + n % 20,
           (ARRAY['positive', 'negative', NULL])[1 + n % 3]
    FROM generate_series(1, 2 * :contacts) n;
"""
# What the add is about: country, mailing group and an interaction since a date.
COMBINED: dict[str, Any] = {
    "contact": {"country_code": list(COUNTRIES)},
    "mailing_groups": ["G0", "G1", "G2", "G3", "G4"],
    "interactions": {"template_code": ["T1", "T2", "T3", "T4", "T5"], "date_from": "2025-06-01"},
}
SINGLE: dict[str, dict[str, Any]] = {
    "country": {"contact": {"country_code": "GB"}},
    "city": {"contact": {"city": "CITY 7"}},
    "post code": {"contact": {"post_code": "p77"}},
    "type": {"contact": {"type": "company"}},
    "name": {"contact": {"name": "lords"}},
    "language": {"contact": {"language_code": ["ENG", "FRA"]}},
    "salesperson": {"contact": {"salesperson_code": "SP3"}},
    "mailing group": {"mailing_groups": "g4"},
    "industry group": {"industry_groups": "i2"},
    "template": {"interactions": {"template_code": "T1"}},
    "interaction group": {"interactions": {"group_code": "LETTER"}},
    "entry's date": {"interactions": {"date_from": SINCE}},
    "evaluation": {"interactions": {"evaluation": "positive"}},
    "entry's salesperson": {"interactions": {"salesperson_code": "SP4"}},
    "all": {"all": True},
}


ACTIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("add by three filters", "add", COMBINED),
    ("add all", "add", {"all": True}),
    ("reduce to a half", "reduce", {"contact": {"type": "company"}}),
    ("reduce all", "reduce", {"all": True}),
    ("refine by country", "refine", {"contact": {"country_code": "GB"}}),
    ("refine to nothing", "refine", {"contact": {"name": "nobody"}}),
)


def measure(ground: Ground) -> Iterator[Figure | Waits]:
    """Count contacts by each filter; build a segment among them, and undo each step."""
    _make_company(ground)
    no = Company(ground, contacts=ground.rows).make_segment("Criteria", template=None)
    for name, filters in SINGLE.items():
        times = tuple(_count(ground, no, filters) for _ in range(COUNTS * ground.rounds))
        yield Waits(f"criteria.count.{name}", f"count by {name}", times)
    for name, action, filters in ACTIONS:
        if action == "add":
            _undo_all(ground, no)
        yield _figure(f"criteria.{name}", name, *_act(ground, no, action, filters))
        if action != "add":
            yield _figure(f"criteria.undo.{name}", f"undo: {name}", *_undo(ground, no))


def _make_company(ground: Ground) -> None:
    """Make contacts with two mailing groups each and two entries for each on average."""
    with ground.client.transaction() as session:
        for statement in MAKE.split(";"):
            if statement.strip():
                session.execute(text(statement), {"contacts": ground.rows})
    ground.settle("contact", "contact_membership", "interaction")


def _count(ground: Ground, no: str, filters: Mapping[str, Any]) -> float:
    """Return the milliseconds that counting what matches takes."""
    with ground.client.transaction() as session:
        values = {"action": "add", "filters": filters}
        return 1000 * timed(lambda: criteria.count(session, segments.get(session, no), values=values))


def _act(ground: Ground, no: str, action: str, filters: Mapping[str, Any]) -> tuple[int, float]:
    """Do an action; return the lines it changed and the seconds from request to finished job."""
    ground.settle()
    values = {"action": action, "filters": filters}
    with ground.client.transaction() as session:
        job = criteria.request(
            session, segments.get(session, no), values=values, actor=actors.system(session)
        )
    return _changed(ground.client.finish(job))


def _undo(ground: Ground, no: str) -> tuple[int, float]:
    """Undo the last action; return the lines it changed and the seconds from request to finished job."""
    ground.settle()
    with ground.client.transaction() as session:
        job = undo.request(session, segments.get(session, no), actor=actors.system(session))
    return _changed(ground.client.finish(job))


def _undo_all(ground: Ground, no: str) -> None:
    """Undo to the start."""
    while True:
        try:
            _undo(ground, no)
        except Refusal:
            return


def _changed(done: dict[str, Any]) -> tuple[int, float]:
    return done["result"]["added"] + done["result"]["removed"], seconds_of(done)


def _figure(key: str, name: str, rows: int, seconds: float) -> Figure:
    return Figure(key, Side(name, rows, (seconds,)))
