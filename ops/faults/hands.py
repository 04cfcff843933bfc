"""What people and programs go on doing while everything is being hurt.

Each hand is a thread with random numbers of its own. It sends every request until it is answered: a connection that
breaks, 429 and 503 mean to come again, under the same Idempotency-Key. What no fault may bring about is a problem.
"""

from __future__ import annotations

import http.cookiejar
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from http.client import HTTPException
from random import Random
from typing import Any

from ops.faults.client import Answer
from ops.faults.company import FINAL, Company

COME_AGAIN = (429, 503)
PASSWORD = "a good long password"
PERSON = "MARK"
_PAUSE = 0.1
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
_PAGES = ("/", "/contacts", "/segments", "/interactions", "/logged-segments", "/jobs", "/campaigns")


class Over(Exception):
    """The run is over, and the system that a hand waits for does not come back."""


class Hand(threading.Thread):
    """Does one thing after the other until it is told to stop.

    Parameters
    ----------
    company
        On whose behalf.
    rng
        Decides what is done.

    Attributes
    ----------
    problems
        What should not have happened.
    done
        How many things were done to their end.
    """

    def __init__(self, company: Company, rng: Random) -> None:
        super().__init__(daemon=True, name=type(self).__name__)
        self.problems: list[str] = []
        self.done = 0
        self._company = company
        self._rng = rng
        self._stopping = threading.Event()
        self._given_up = threading.Event()

    def run(self) -> None:
        """Do one thing after the other."""
        try:
            while not self._stopping.is_set():
                self.act()
                self.done += 1
        except Over:
            self.problems.append(f"{self.name}: no answer to the end")
        except Exception as error:
            self.problems.append(f"{self.name}: {error!r}")

    def act(self) -> None:
        """Do one thing."""
        raise NotImplementedError

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopping.set()

    def end(self, seconds: float) -> None:
        """Wait until the last thing is done, for so long at most."""
        self.join(seconds)
        self._given_up.set()
        self.join(5)

    def pause(self, seconds: float) -> None:
        """Wait, less if the run ends."""
        self._stopping.wait(seconds)

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request until it is answered; 500 is a problem."""
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        answer = self.until_answered(lambda: self._company.client(method, path, body, headers=headers))
        if answer.status >= 500:
            self.problems.append(f"{method} {path}: {answer.status} {answer.text[:200]}")
        return answer

    def until_answered(self, call: Callable[[], Answer]) -> Answer:
        """Call until there is an answer other than to come again."""
        while True:
            try:
                answer = call()
                if answer.status not in COME_AGAIN:
                    return answer
            except (OSError, HTTPException, ValueError):
                pass
            if self._given_up.is_set():
                raise Over
            time.sleep(_PAUSE)

    def expect(self, answer: Answer, *statuses: int) -> dict[str, Any]:
        """Return what was answered; another status is a problem."""
        if answer.status not in statuses:
            self.problems.append(f"{self.name}: {answer.status} {answer.text[:200]}")
        found: dict[str, Any] = answer.json if answer.text.startswith("{") else {}
        return found

    def end_of(self, asked: Answer) -> dict[str, Any]:
        """Wait until a job is in a final state; {} if none was made."""
        job = self.expect(asked, 200, 202, 409)
        while "id" in job and job.get("state") not in FINAL:
            if self._given_up.is_set():
                raise Over
            time.sleep(_PAUSE)
            job = self.ask("GET", f"/jobs/{job['id']}").json
        return job if "id" in job else {}


class Marketer(Hand):
    """Builds segments by criteria, logs them with or without a follow-up, changes its mind, cancels and restores."""

    def act(self) -> None:
        values = {"description": "Autumn letter", "template_code": "LETTER"}
        no = self.expect(self.ask("POST", "/segments", values), 201)["no"]
        lines = self._add_contacts(no)
        if self._rng.random() < 0.3:
            removed = self._action(no, "reduce", {"contact": {"name": f"{self._rng.randint(0, 9)}7"}})
            lines -= removed.get("removed", 0)
        if self._rng.random() < 0.3:
            undone = self.end_of(self.ask("POST", f"/segments/{no}/actions/undo")).get("result") or {}
            lines += undone.get("added", 0) - undone.get("removed", 0)
        self.ask("PATCH", f"/segments/{no}", {"subject": f"Subject {self._rng.random()}"})
        self._company.lines_of[no] = lines
        if not lines:
            return
        asked = self.ask("POST", f"/segments/{no}/log", {"follow_up": self._rng.random() < 0.3})
        if self._rng.random() < 0.25:
            self.pause(self._rng.uniform(0, 1))
            self.expect(self.ask("POST", f"/jobs/{asked.json['id']}/cancel"), 202, 409)
        job = self.end_of(asked)
        if job.get("state") == "succeeded":
            self._after_logging(no, job["result"])
        elif job.get("state") != "canceled":
            self.problems.append(f"the logging of {no} is {job}")

    def _add_contacts(self, no: str) -> int:
        """Add the whole book, or those whose number begins with two digits."""
        contact = {"country_code": ["DE"]}
        if self._rng.random() < 0.75:
            contact = {"name": f"Company {self._rng.randint(10, 99)}"}  # type: ignore[dict-item]
        added: int = self._action(no, "add", {"contact": contact}).get("added", 0)
        return added

    def _action(self, no: str, action: str, filters: dict[str, Any]) -> dict[str, Any]:
        asked = self.ask("POST", f"/segments/{no}/actions", {"action": action, "filters": filters})
        result: dict[str, Any] = self.end_of(asked).get("result") or {}
        return result

    def _after_logging(self, no: str, result: dict[str, Any]) -> None:
        logged = result["logged_segment_no"]
        choice = self._rng.random()
        if choice < 0.25:
            self.expect(self.ask("POST", f"/logged-segments/{logged}/cancel"), 200)
            if self._rng.random() < 0.5:
                self.expect(self.ask("POST", f"/logged-segments/{logged}/restore"), 200)
        elif choice < 0.5:
            self.end_of(self.ask("POST", "/interactions/cancel", {"filter": {"segment_no": [no]}}))
            if self._rng.random() < 0.5:
                self.end_of(self.ask("POST", "/interactions/restore", {"filter": {"segment_no": [no]}}))
        elif choice < 0.6:
            self.end_of(self.ask("POST", f"/logged-segments/{logged}/follow-up", {}))
        if result["follow_up_segment_no"]:
            self._log_what_is_not_ready(result["follow_up_segment_no"])

    def _log_what_is_not_ready(self, no: str) -> None:
        """A follow-up segment has no template: the logging is refused, and turned round if it had begun."""
        job = self.end_of(self.ask("POST", f"/segments/{no}/log", {}))
        if job and job["state"] != "refused":
            self.problems.append(f"the logging of {no}, which has no template, is {job['state']}")


class Cleaner(Hand):
    """Deletes canceled entries, imports contacts, replays events."""

    def act(self) -> None:
        self.pause(self._rng.uniform(1, 4))
        choice = self._rng.random()
        if choice < 0.5:
            self.end_of(self.ask("POST", "/purges", {"filters": {}, "confirm": True}))
        elif choice < 0.8:
            self._import_contacts()
        else:
            self.end_of(self.ask("POST", "/document-events/replay", {"all": True}))

    def _import_contacts(self) -> None:
        prefix, count = f"I{self._rng.randint(0, 10**6)}X", self._rng.randint(10, 3_000)
        rows = "\n".join(f"{prefix}{no};company;Imported {no};JO;FR" for no in range(count))
        key = {"Content-Type": "text/csv", "Idempotency-Key": uuid.uuid4().hex}
        file = f"no;type;name;salesperson_code;country_code\n{rows}\n"
        asked = self.until_answered(lambda: self._company.client.post("/contacts/import", file, headers=key))
        result = self.end_of(asked).get("result") or {}
        if result.get("created", 0) + result.get("updated", 0) != count:
            self.problems.append(f"{count} contacts were imported: {result}")


class Visitor(Hand):
    """Signs in at the site, looks at pages, and comes in again with a new session."""

    def __init__(self, company: Company, rng: Random) -> None:
        super().__init__(company, rng)
        values = {"name": PERSON, "role": "marketing", "password": PASSWORD}
        self.expect(company.client.post("/users", values), 201, 409, 422)
        self._site = f"http://127.0.0.1:{company.client.port}"

    def act(self) -> None:
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        form = self.until_answered(lambda: self._open(browser, "/sign-in"))
        token = _CSRF.search(form.text)
        values = {"name": PERSON, "password": PASSWORD, "csrf_token": token[1] if token else ""}
        try:
            signed_in = self._open(browser, "/sign-in", urllib.parse.urlencode(values).encode())
        except (OSError, HTTPException):
            return
        if signed_in.status in COME_AGAIN:
            return  # signed in or not, the form is used up
        self._look(signed_in, "/sign-in")
        for _ in range(self._rng.randint(3, 10)):
            path = self._rng.choice(_PAGES)
            page = self.until_answered(lambda path=path: self._open(browser, path))  # type: ignore[misc]
            self._look(page, path)
            self.pause(self._rng.uniform(0, 0.5))

    def _look(self, page: Answer, path: str) -> None:
        if page.status != 200:
            self.problems.append(f"{path}: {page.status}")
        elif 'name="password"' in page.text:
            self.problems.append(f"{path}: somebody who has signed in is asked to sign in again")

    def _open(self, browser: urllib.request.OpenerDirector, path: str, data: bytes | None = None) -> Answer:
        begun = time.monotonic()
        try:
            with browser.open(self._site + path, data, timeout=40) as answer:
                text = answer.read().decode()
                return Answer(answer.status, dict(answer.headers), text, time.monotonic() - begun)
        except urllib.error.HTTPError as refused:
            text = refused.read().decode(errors="replace")
            return Answer(refused.code, dict(refused.headers), text, time.monotonic() - begun)
