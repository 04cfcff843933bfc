"""Filters mean the same in SQL as in words: a plain reading of them in Python agrees on random worlds (S5)."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import contact_filters, criteria
from domain.errors import Faults, Invalid
from domain.segments import Segment

from .makers import (
    faults_of,
    make_campaign,
    make_campaign_entry,
    make_company,
    make_contact,
    make_entry,
    make_group,
    make_logged_segment,
    make_salesperson,
    make_segment,
    make_template,
)

NAMES = ("Cane", "Ånd & co", "100%", "a_b", "Ann Lee", "Öl", "Иван", "cane toad")
CITIES = ("", "Paris", "paris", "Köln", "Москва")
CODES = ("", "DE", "GB", "fr")
FREE = ("VIP", "vip-2", "Press", "FOOD")
DAYS = tuple(dt.date(2026, 3, day) for day in (1, 5, 10, 20))


@dataclass
class Person:
    """A contact as the plain reading knows it."""

    no: str
    type: str
    name: str
    company: Person | None
    places: dict[str, str | None]
    salesperson: str | None
    groups: dict[str, list[str]]
    entries: list[dict[str, Any]] = field(default_factory=list)


class World:
    """A few dozen contacts with random data, in the database and in Python."""

    def __init__(self, session: Session, seed: int) -> None:
        self.random = random.Random(seed)
        self.session = session
        self.people: list[Person] = []
        self.salespeople = [make_salesperson(session, code).code for code in ("HR", "jo")]
        self.groups = [make_group(session, code).code for code in ("LETTER", "Call")]
        self.templates = [
            make_template(session, code, group_code=self.random.choice(self.groups))
            for code in ("T1", "T2", "T3")
        ]
        self.campaigns = [make_campaign(session) for _ in range(2)]
        self.logged = [
            make_logged_segment(session, f"SM{n}", first_entry_no=1, last_entry_no=0) for n in range(2)
        ]
        self.canceled_segment = make_logged_segment(session, "SMC", canceled_at="2026-03-11")
        self.unfinished = make_logged_segment(session, "SMU", status="logging")
        for _ in range(30):
            self._contact()
        for _ in range(60):
            self._entry()

    def maybe(self, values: Any, chance: float = 0.7) -> Any:
        return self.random.choice(values) if self.random.random() < chance else None

    def _contact(self) -> None:
        pick = self.random
        companies = [person for person in self.people if person.type == "company"]
        type = pick.choice(("company", "person", "person"))
        company = self.maybe(companies) if type == "person" and companies else None
        values: dict[str, Any] = {
            "country_code": pick.choice(CODES) or None,
            "city": pick.choice(CITIES),
            "post_code": pick.choice(("", "M61 2YG", "m61 2yg")),
            "territory_code": pick.choice(CODES) or None,
            "language_code": pick.choice(CODES) or None,
        }
        groups = {name: sorted(pick.sample(FREE, pick.randint(0, 2))) for name in contact_filters.GROUPS}
        salesperson = self.maybe(self.salespeople)
        make = make_company if type == "company" else make_contact
        name = pick.choice(NAMES)
        made = make(
            self.session, name, **values, **groups, salesperson_code=salesperson,
            **({"company_no": company.no} if company else {}),
        )  # fmt: skip
        self.people.append(Person(made.no, type, name, company, values, salesperson, groups))

    def _entry(self) -> None:
        pick = self.random
        person = pick.choice(self.people)
        template, campaign = pick.choice(self.templates), self.maybe(self.campaigns)
        logged = self.maybe([*self.logged, self.canceled_segment, self.unfinished], 0.6)
        columns: dict[str, Any] = {
            "date": pick.choice(DAYS),
            "evaluation": self.maybe(contact_filters.EVALUATIONS),
            "salesperson_id": None,
            "logged_segment_no": logged,
        }
        salesperson = self.maybe(self.salespeople)
        if salesperson:
            columns["salesperson_id"] = self.session.scalar(
                text("SELECT id FROM salesperson WHERE code = :code"), {"code": salesperson}
            )
        is_canceled = pick.random() < 0.2
        if is_canceled:
            columns["canceled_at"] = "2026-03-12"
        campaign_canceled = False
        if campaign is not None:
            campaign_canceled = pick.random() < 0.2
            columns["campaign_entry_no"] = make_campaign_entry(
                self.session, campaign, **({"canceled_at": "2026-03-12"} if campaign_canceled else {})
            )
        contact = self.session.execute(
            text("SELECT id, type, company_id FROM contact WHERE no = :no"), {"no": person.no}
        ).one()
        make_entry(self.session, contact, template, **columns)  # type: ignore[arg-type]
        group = self.session.scalar(
            text("SELECT code FROM interaction_group WHERE id = :id"), {"id": template.group_id}
        )
        if not (is_canceled or campaign_canceled or logged in (self.canceled_segment, self.unfinished)):
            person.entries.append(
                {
                    "template_code": template.code,
                    "group_code": group,
                    "campaign_no": campaign.no if campaign else None,
                    "salesperson_code": salesperson,
                    "evaluation": columns["evaluation"],
                    "date": columns["date"].isoformat(),
                    "logged_segment_no": logged,
                    "segment_no": f"SM{self.logged.index(logged)}" if logged in self.logged else None,
                }
            )

    def filters(self) -> dict[str, Any]:
        """Make random filters, each field one value or several."""
        pick = self.random
        contact = {
            "no": [person.no.lower() for person in pick.sample(self.people, 12)],
            "type": ("company", "person"),
            "name": ("an", "CANE", "%", "_", "å", "ИВАН", "0%"),
            "salesperson_code": ("hr", "JO"),
            "city": ("PARIS", "köln", "москва", "Par"),
            **dict.fromkeys(("country_code", "territory_code", "language_code"), ("de", "gb", "FR", "xx")),
            "post_code": ("M61 2yg", "M61"),
        }
        entry = {
            "template_code": ("t1", "T2", "T3"),
            "group_code": ("letter", "CALL"),
            "segment_no": ("sm0", "SM1", "SMC", "SMU"),
            "logged_segment_no": (*self.logged, self.canceled_segment, self.unfinished),
            "campaign_no": [campaign.no.lower() for campaign in self.campaigns],
            "salesperson_code": ("hr", "JO"),
            "evaluation": contact_filters.EVALUATIONS,
            "date_from": [day.isoformat() for day in DAYS],
            "date_to": [day.isoformat() for day in DAYS],
        }
        made: dict[str, Any] = {}
        for name, fields in (("contact", contact), ("interactions", entry)):
            chosen = pick.sample(sorted(fields), pick.choice((0, 1, 1, 2, 3)))
            if chosen:
                made[name] = {each: self._some(fields[each]) for each in chosen}
        for name in pick.sample(sorted(contact_filters.GROUPS), pick.choice((0, 0, 1, 2))):
            made[name] = self._some(("vip", "VIP-2", "press", "food", "none"))
        return made or {"all": True}

    def _some(self, values: Any) -> Any:
        some = self.random.sample(list(values), self.random.randint(1, min(3, len(values))))
        return some[0] if len(some) == 1 and self.random.random() < 0.5 else some


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def is_said(filters: Mapping[str, Any], person: Person) -> bool:
    """The rule of S5, read plainly."""
    own = {"no": person.no, "type": person.type, "salesperson_code": person.salesperson, **person.places}
    for name, given in filters.get("contact", {}).items():
        if name == "name":
            if not any(each.lower() in person.name.lower() for each in many(given)):
                return False
        elif not any((own[name] or "").lower() == each.lower() for each in many(given)):
            return False
    for name in contact_filters.GROUPS:
        if name in filters:
            codes = list(person.groups[name])
            if name in ("industry_groups", "business_relations") and person.company:
                codes += person.company.groups[name]
            if not {code.lower() for code in codes} & {each.lower() for each in many(filters[name])}:
                return False
    wanted = filters.get("interactions")
    return not wanted or any(_entry_is_said(wanted, entry) for entry in person.entries)


def _entry_is_said(wanted: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    for name, given in wanted.items():
        if name == "date_from":
            found = any(entry["date"] >= each for each in many(given))
        elif name == "date_to":
            found = any(entry["date"] <= each for each in many(given))
        elif name == "logged_segment_no":
            found = entry[name] in many(given)
        else:
            found = (entry[name] or "").lower() in [each.lower() for each in many(given)]
        if not found:
            return False
    return True


@pytest.mark.parametrize("seed", range(4))
def test_sql_and_plain_reading_agree(session: Session, seed: int) -> None:
    """S5"""
    world = World(session, seed)
    matched = 0
    for _ in range(600):
        asked = world.filters()
        faults = Faults()
        filters = contact_filters.take(session, asked, faults)
        faults.raise_if_any()
        condition, parameters = contact_filters.condition(filters)
        found = set(session.scalars(text(f"SELECT c.no FROM contact c WHERE {condition}"), parameters))

        assert found == {person.no for person in world.people if is_said(asked, person)}, asked
        matched += bool(found)
    assert matched > 100


@pytest.fixture
def segment(session: Session) -> Segment:
    return session.get_one(Segment, make_segment(session))


@pytest.mark.parametrize(
    ("filters", "faults"),
    [
        ({}, {("filters", "filter_missing")}),
        ({"contact": {}, "interactions": {}, "mailing_groups": [], "all": False}, {("filters", "filter_missing")}),
        ({"contact": {"name": ""}}, {("filters.contact.name", "invalid")}),
        ({"contact": {"city": ["Paris", ""]}}, {("filters.contact.city.1", "invalid")}),
        ({"contact": {"type": "shop"}}, {("filters.contact.type", "not_a_choice")}),
        ({"all": 1}, {("filters.all", "invalid")}),
        ({"contact": [], "interactions": "x"}, {("filters.contact", "invalid"), ("filters.interactions", "invalid")}),
        (
            {"interactions": {"date_from": "1.3.2026", "evaluation": "good", "logged_segment_no": "1", "cost": 1}},
            {
                ("filters.interactions.date_from", "invalid"),
                ("filters.interactions.evaluation", "not_a_choice"),
                ("filters.interactions.logged_segment_no", "invalid"),
                ("filters.interactions.cost", "unknown_field"),
            },
        ),
        (
            {"contact": {"no": ["X1"], "salesperson_code": "NOBODY"}, "interactions": {"template_code": ["T9"]}},
            {
                ("filters.contact.no.0", "unknown"),
                ("filters.contact.salesperson_code", "unknown"),
                ("filters.interactions.template_code.0", "unknown"),
            },
        ),
        ({"contact": {"name": "x" * 101}}, {("filters.contact.name", "too_long")}),
        ({"mailing_groups": ["a\0"]}, {("filters.mailing_groups.0", "invalid")}),
    ],
)  # fmt: skip
def test_what_is_wrong_with_filters_is_told(
    session: Session, segment: Segment, filters: dict[str, Any], faults: set[tuple[str, str]]
) -> None:
    with pytest.raises(Invalid) as refused:
        criteria.count(session, segment, values={"action": "add", "filters": filters})
    assert faults_of(refused) == faults


def test_an_option_of_another_action_is_refused(session: Session, segment: Segment) -> None:
    with pytest.raises(Invalid) as refused:
        criteria.count(
            session,
            segment,
            values={
                "action": "refine",
                "filters": {"all": True},
                "allow_existing": True,
                "entire_companies": 1,
            },
        )
    assert faults_of(refused) == {("allow_existing", "invalid"), ("entire_companies", "invalid")}
