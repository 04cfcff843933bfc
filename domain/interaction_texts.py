"""Entries that say a text which is searched for."""

from __future__ import annotations

from sqlalchemy import text

from domain.interaction_question import Found, Question

# Whether a text is said often, by more than a share, the nearest entries in the order of the list tell; it is then
# looked for among some more of them.
SAMPLE, OFTEN, NEAREST = 1_000, 0.01, 10_000
# So many that say it are looked up at most. A text that is said often, but not lately, is met in order soon enough.
SELDOM = 5_000


def find(question: Question, relation: str, *, among: str = "") -> list[Found] | None:
    """Find what says a text: by its trigrams if that is seldom said, else among the nearest.

    None if it is said often, but among the nearest probably not often enough with whatever else is asked for.

    Parameters
    ----------
    among
        A condition by which an index has the nearest in the order of the list.
    """
    nearest = f"SELECT i.* FROM {relation} i WHERE true {among} {question.beyond} ORDER BY {question.order.sql} LIMIT"
    sample = f"""
        SELECT count(*) AS say_it, count(*) FILTER (WHERE true {question.of_row}) AS match
        FROM ({nearest} {SAMPLE}) i WHERE i.said ILIKE ANY(:q)
    """
    say_it, match = question.session.execute(text(sample), question.parameters).one()
    if say_it < SAMPLE * OFTEN:
        return _by_trigrams(question, relation)
    if match * NEAREST < SAMPLE * question.limit:
        return None
    found = question.find(
        f"""
        SELECT o.entry_no, o.date
        FROM (
            SELECT * FROM ({nearest} {NEAREST}) i WHERE i.said ILIKE ANY(:q) {question.of_row}
            ORDER BY {question.order.sql} OFFSET 0
        ) o
        CROSS JOIN LATERAL (
            SELECT FROM interaction_visible i WHERE i.entry_no = o.entry_no {question.conditions} OFFSET 0
        ) i
        ORDER BY {question.order.sql.replace("i.", "o.")} LIMIT :limit
        """
    )
    return found if len(found) == question.limit else None


def _by_trigrams(question: Question, relation: str) -> list[Found] | None:
    """Look up what says the text, in whatever order; None if that turns out to be more than a few.

    The planner does not know of the limit: a text that it takes to be frequent it would look for in all entries.
    """
    said = question.session.scalars(
        text(
            "WITH said AS MATERIALIZED"
            f" (SELECT i.entry_no FROM {relation} i WHERE i.said ILIKE ANY(:q) {question.beyond})"
            f" SELECT entry_no FROM said LIMIT {SELDOM + 1}"
        ),
        question.parameters,
    ).all()
    if len(said) > SELDOM:
        return None
    return question.find(
        "SELECT i.entry_no, i.date FROM interaction_visible i"
        f" WHERE i.entry_no = ANY(CAST(:said AS bigint[])) {question.conditions}"
        f" ORDER BY {question.order.sql} LIMIT :limit",
        said=list(said),
    )
