"""What the views of all nouns of master data do alike: parse, one domain call, render (STYLE 2).

A noun is a module of the domain: `get`, `page`, `describe`, `create`, `change`, `delete`, `STORED`, and
`statistics_fields` where it has statistics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import Response, url_for
from sqlalchemy.orm import Session

from web import database, identity
from web.api.models import Body, ListQuery, PeriodQuery, StatisticsQuery
from web.api.replies import created, gone, listing, match, shown, with_faults


def index(noun: Any, query: ListQuery, *, key: str) -> Response:
    """Answer with a page of a noun; `key` is the attribute that lists are ordered by."""
    session = database.session()

    def describe(rows: Sequence[Any]) -> Iterable[Mapping[str, Any]]:
        described: list[dict[str, Any]] = noun.describe(session, rows)
        if isinstance(query, StatisticsQuery) and query.include == "statistics":
            _add_statistics(session, noun, rows, described, query)
        return described

    return listing(
        query,
        fetch=lambda **options: noun.page(session, **options),
        describe=describe,
        key=lambda row: getattr(row, key),
    )


def show(noun: Any, key: object, query: PeriodQuery | None = None) -> Response:
    """Answer with one thing and, where the noun has statistics, those of the period (T5)."""
    session = database.session()
    thing = noun.get(session, key)
    described = noun.describe(session, [thing])
    if query is not None:
        _add_statistics(session, noun, [thing], described, query)
    return shown(described[0], stored=noun.STORED)


def create(noun: Any, body: Body, *, endpoint: str, key: str) -> Response:
    """Make a thing; `endpoint` shows it, under its `key`."""
    session = database.session()
    thing = with_faults(body, lambda values: noun.create(session, values=values, actor=identity.required()))
    described = noun.describe(session, [thing])[0]
    return created(described, url_for(endpoint, **{key: described[key]}), stored=noun.STORED)


def change(noun: Any, key: object, body: Body) -> Response:
    """Change a thing, if it is still as the client saw it."""
    session = database.session()
    thing = noun.get(session, key, lock=True)
    match(lambda: noun.describe(session, [thing])[0], noun.STORED)
    thing = with_faults(
        body, lambda values: noun.change(session, thing, values=values, actor=identity.required())
    )
    return shown(noun.describe(session, [thing])[0], stored=noun.STORED)


def delete(noun: Any, key: object) -> Response:
    """Delete a thing, if it is still as the client saw it."""
    session = database.session()
    thing = noun.get(session, key, lock=True)
    match(lambda: noun.describe(session, [thing])[0], noun.STORED)
    noun.delete(session, thing, actor=identity.required())
    return gone()


def _add_statistics(
    session: Session,
    noun: Any,
    rows: Sequence[Any],
    described: list[dict[str, Any]],
    query: PeriodQuery | StatisticsQuery,
) -> None:
    found = noun.statistics_fields(session, rows, date_from=query.date_from, date_to=query.date_to)
    for description, fields in zip(described, found, strict=True):
        description.update(fields)
