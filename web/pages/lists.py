"""Lists: columns, filters, key-set paging. One request reads one page, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import request, url_for
from flask_babel import format_decimal, gettext

from domain.errors import Invalid
from web import messages

LIMIT = 50


@dataclass(frozen=True)
class Column:
    """A column of a list.

    Parameters
    ----------
    kind
        text, code, number, amount, date, instant, flag or choice.
    endpoint
        Page that a value links to; its parameter is `key`.
    words
        Words for the codes of a choice.
    key
        Field whose value addresses the linked page, if it is not the column's own.
    plain
        A number that is a name: written without separators.
    """

    name: str
    label: Any
    kind: str = "text"
    endpoint: str | None = None
    words: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    plain: bool = False

    @property
    def head_class(self) -> str:
        """The class of the column's head: aligned and as wide as its values."""
        return {"number": "number", "amount": "number", "text": "text"}.get(self.kind, "")

    def value_of(self, row: Mapping[str, Any]) -> Any:
        """Return this column's value of a row."""
        return row.get(self.name)

    def url_of(self, row: Mapping[str, Any]) -> str:
        """Return the address of the page that a row's value links to."""
        return url_for(self.endpoint or "", key=row[self.key or self.name])


@dataclass(frozen=True)
class Filter:
    """A filter above a list: search, text, code, date or (with `words`) a choice.

    One that `is_option` says how the list is shown, not which rows: it is no filter for the domain.
    """

    name: str
    label: Any
    kind: str = "text"
    words: Mapping[str, Any] = field(default_factory=dict)
    listed: Callable[[], Iterable[tuple[str, str]]] | None = None
    is_more: bool = False
    is_option: bool = False
    hint: Any = None
    value: str = ""


@dataclass
class List:
    """One page of a list, ready to be shown."""

    columns: Sequence[Column]
    filters: Sequence[Filter]
    rows: Sequence[Mapping[str, Any]]
    unfiltered_url: str
    first_url: str | None
    next_url: str | None
    problem: str | None = None
    previous_url: str | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether any filter is set."""
        return bool(given(self.filters))

    @property
    def count_text(self) -> str:
        """How many rows there are, as far as this page tells."""
        shown = format_decimal(len(self.rows))
        if self.first_url is None and self.next_url is None:
            return str(gettext("Rows: %(count)s", count=shown))
        return str(gettext("Rows on this page: %(count)s", count=shown))


def filled(filters: Sequence[Filter]) -> list[Filter]:
    """Return the filters with the values of this request."""
    return [replace(each, value=request.args.get(each.name, "").strip()) for each in filters]


def given(filters: Sequence[Filter]) -> dict[str, list[str]]:
    """Return what the domain's `page` takes: the values that are set, by the name of their filter."""
    return {each.name: [each.value] for each in filters if each.value and not each.is_option}


Fetch = Callable[[dict[str, list[str]], str | None, int], Sequence[Mapping[str, Any]]]


def read(
    *,
    columns: Sequence[Column],
    filters: Sequence[Filter],
    fetch: Fetch,
    key: str | Callable[[Mapping[str, Any]], str],
    fetch_back: Fetch | None = None,
    limit: int = LIMIT,
    after_name: str = "after",
) -> List:
    """Read the page of a list that this request asks for.

    Parameters
    ----------
    fetch
        Reads rows: takes the filters that are set, the key of the last row of the page before, and how many.
    key
        Field of a row that the next page begins after, or what makes such a key of a row.
    fetch_back
        Reads the rows before a key, the nearest first; with it the list is paged both ways.
    after_name
        Name of the query parameter, where a page shows more than one list.
    """
    set_filters = filled(filters)
    after = request.args.get(after_name) or None
    before = request.args.get("before") or None if fetch_back else None
    problem = None
    try:
        if before and fetch_back:
            rows = list(fetch_back(given(set_filters), before, limit + 1))
        else:
            rows = list(fetch(given(set_filters), after, limit + 1))
    except Invalid as invalid:
        rows, problem = [], messages.refusal_message(invalid)
    more = len(rows) > limit
    rows = rows[:limit]
    if before:
        rows.reverse()
    key_of = key if callable(key) else lambda row: str(row[key])
    kept = {name: values for name, values in request.args.lists() if name not in (after_name, "before")}
    names = {each.name for each in set_filters if not each.is_option}
    bare = {name: values for name, values in kept.items() if name not in names}
    is_first = not (after or before) or (before is not None and not more)
    has_next = bool(rows) if before else more
    return List(
        columns=columns,
        filters=set_filters,
        rows=rows,
        unfiltered_url=_address(bare),
        first_url=None if is_first else _address(kept),
        previous_url=_address({**kept, "before": [key_of(rows[0])]})
        if fetch_back and rows and not is_first
        else None,
        next_url=_address({**kept, after_name: [key_of(rows[-1])]}) if has_next else None,
        problem=problem,
    )


def whole(after: str | None) -> int | None:
    """Read the key of a page's beginning where it is a whole number; anything else begins at the first page."""
    return int(after) if after and after.isascii() and after.isdecimal() and len(after) < 10 else None


def _address(arguments: Mapping[str, Sequence[str]]) -> str:
    return url_for(request.endpoint or "", **{**(request.view_args or {}), **arguments})
