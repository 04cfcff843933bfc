"""Entries that say a text which is searched for."""

from __future__ import annotations

from sqlalchemy import text

from domain.interaction_question import Found, Question

# So many entries, the nearest in the order of the list, tell whether a text is said often: by more than this share.
NEAREST, OFTEN = 5_000, 0.01


def find(question: Question, relation: str) -> list[Found] | None:
    """Find what says a text: by its trigrams if that is seldom said, else among the nearest.

    None if it is said often, but among the nearest not often enough with whatever else is asked for.
    """
    nearest = f"SELECT i.* FROM {relation} i WHERE true {question.beyond} ORDER BY {question.order.sql} LIMIT {NEAREST}"
    often = f"SELECT count(*) FROM ({nearest}) i WHERE i.said ILIKE ANY(:q)"
    if question.session.scalar(text(often), question.parameters) < NEAREST * OFTEN:
        return question.find(
            "WITH said AS MATERIALIZED"
            f" (SELECT i.entry_no FROM {relation} i WHERE i.said ILIKE ANY(:q) {question.beyond})"
            " SELECT i.entry_no, i.date FROM said JOIN interaction_visible i USING (entry_no)"
            f" WHERE true {question.conditions} ORDER BY {question.order.sql} LIMIT :limit"
        )
    found = question.find(
        f"""
        SELECT o.entry_no, o.date
        FROM (
            SELECT * FROM ({nearest}) i WHERE i.said ILIKE ANY(:q) {question.of_row}
            ORDER BY {question.order.sql} OFFSET 0
        ) o
        CROSS JOIN LATERAL (
            SELECT FROM interaction_visible i WHERE i.entry_no = o.entry_no {question.conditions} OFFSET 0
        ) i
        ORDER BY {question.order.sql.replace("i.", "o.")} LIMIT :limit
        """
    )
    return found if len(found) == question.limit else None
