"""Who changed what and when (U2)."""

from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from domain import audit
from domain.actors import Actor


def test_a_deed_is_kept_with_who_when_and_what(session: Session, actor: Actor) -> None:  # U2
    audit.record(
        session,
        actor=actor,
        action="change",
        object_type="campaign",
        object_key="CP1",
        changes={
            "cost": [Decimal("1.50"), None],
            "date": [None, date(2026, 3, 10)],
            "list": [[], [{"a": Decimal(1)}]],
        },
    )

    row = audit.describe(session, audit.page(session, filters={}))[0]
    assert row["changes"] == {
        "cost": ["1.50", None],
        "date": [None, "2026-03-10"],
        "list": [[], [{"a": "1"}]],
    }
    assert (row["user"], row["action"], row["object"]) == ("system", "change", "campaign CP1")
    assert row["at"].tzinfo is not None


def test_nothing_is_recorded_when_nothing_changed(session: Session, actor: Actor) -> None:
    audit.record_difference(
        session,
        actor=actor,
        action="change",
        object_type="campaign",
        object_key="CP1",
        before={"a": 1, "b": ""},
        after={"a": 1, "b": None},
    )
    assert audit.page(session, filters={}) == []


def test_rows_are_listed_newest_first_and_filtered(session: Session, actor: Actor) -> None:
    for key in ("A", "B", "C"):
        audit.record(session, actor=actor, action="create", object_type="salesperson", object_key=key)
    audit.record(session, actor=actor, action="erase", object_type="contact", object_key="a")

    def listed(after: str | None = None, limit: int = 50, **filters: list[str]) -> list[str]:
        return [row.object_key for row in audit.page(session, filters=filters, after=after, limit=limit)]

    assert listed() == ["a", "C", "B", "A"]
    assert listed(object_type=["salesperson"]) == ["C", "B", "A"]
    assert listed(object_key=["A"]) == ["a", "A"]
    assert listed(action=["erase", "create"], user=["SYSTEM"]) == ["a", "C", "B", "A"]
    assert listed(user=["nobody"]) == []
    second = audit.page(session, filters={}, limit=2)[-1]
    assert listed(after=str(second.id)) == ["B", "A"]
