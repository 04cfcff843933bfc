"""Lists: columns, filters, orders, key-set paging. One request reads one page, whatever the number of rows.

What a list is, a `Listing` says once; `read` makes a page of it for the request, and `web/pages/list_actions.py` the
files, chosen columns and saved views. A page's address says everything but the columns that a user has chosen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from flask import request, url_for
from flask_babel import format_decimal, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import list_settings
from domain.errors import Invalid
from domain.users import Role
from web import database, identity, messages
from web.pages import layout

LIMIT = 50

# Orders as `domain.records.SORTS` names them.
BY_KEY = {
    "key": _("By number"),
    "-key": _("By number, last first"),
    "-made": _("Newest first"),
    "made": _("Oldest first"),
}
NEWEST_FIRST = {"-made": _("Newest first"), "made": _("Oldest first")}
BY_LINE = {"made": _("By line"), "-made": _("Last line first")}
OLDEST_FIRST = {"made": _("Oldest first"), "-made": _("Newest first")}

# Kind of column -> the class of its cells; the style sheet says what each looks like.
CELL_CLASSES = {
    "code": "code", "number": "number", "amount": "number", "date": "when", "instant": "when", "text": "text",
    "badges": "badges", "choice": "words",
}  # fmt: skip
# Kind of column -> what writes its values; all others are words already, or have them.
WRITERS: dict[str, Callable[[Any], str]] = {
    "number": layout.number, "name": layout.code_number, "amount": layout.amount, "date": layout.day,
    "instant": layout.instant,
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column of a list.

    Parameters
    ----------
    kind
        text, code, number, amount, date, instant, flag, choice, or what a macro of the page draws: bar, badges.
    endpoint
        Page that a value links to; its parameter is `key`.
    words
        Words for the codes of a choice.
    key
        Field whose value addresses the linked page, if it is not the column's own.
    plain
        A number that is a name: written without separators.
    sparse
        Left out where no row of the page has a value.
    """

    name: str
    label: Any
    kind: str = "text"
    endpoint: str | None = None
    words: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    plain: bool = False
    sparse: bool = False

    @property
    def head_class(self) -> str:
        """The class of the column's head: aligned and as wide as its values."""
        return {"number": "number", "amount": "number", "text": "text"}.get(self.kind, "")

    @property
    def cell_class(self) -> str:
        """The class of the column's cells: how they are aligned, and whether their text may break."""
        return CELL_CLASSES.get(self.kind, "")

    def value_of(self, row: Mapping[str, Any]) -> Any:
        """Return this column's value of a row."""
        return row.get(self.name)

    def written(self, value: Any) -> str:
        """Write a value as people read it."""
        write = WRITERS.get("name" if self.plain else self.kind)
        return write(value) if write else str(self.words.get(value, value))

    def url_of(self, row: Mapping[str, Any]) -> str:
        """Return the address of the page that a row's value links to."""
        return url_for(self.endpoint or "", key=row[self.key or self.name])


@dataclass(frozen=True)
class Filter:
    """A filter above a list: search, text, code, date or (with `words`) a choice.

    Parameters
    ----------
    lookup
        What is offered while somebody types (`web/pages/lookup.py`).
    is_more
        Shown below "More filters".
    """

    name: str
    label: Any
    kind: str = "text"
    words: Mapping[str, Any] = field(default_factory=dict)
    lookup: str | None = None
    is_more: bool = False
    hint: Any = None
    value: str = ""

    @property
    def said(self) -> str:
        """The value in words."""
        if self.kind == "date":
            try:
                return layout.day(dt.date.fromisoformat(self.value))
            except ValueError:
                return self.value
        return str(self.words.get(self.value, self.value))


@dataclass(frozen=True)
class Wanted:
    """Which rows of a list are wanted: so many of those that match, from beyond a key, in an order.

    Parameters
    ----------
    filters
        What the domain's `page` takes: the values that are set, by the name of their filter.
    after
        Key of the row that they begin beyond, as the listing's `cursor` makes it.
    of
        Key of the thing whose rows they are, such as the segment of lines.
    """

    filters: Mapping[str, list[str]]
    sort: str
    limit: int
    after: str | None = None
    of: str | None = None

    @property
    def place(self) -> dict[str, Any]:
        """Arguments of the domain's `page` where rows are numbered; `after` that is no number begins at the first."""
        return {
            "after": whole(self.after),
            "limit": self.limit,
            "newest_first": self.sort.startswith("-"),
        }


Row = Mapping[str, Any]
Fetch = Callable[[Session, Wanted], Sequence[Row]]


@dataclass(frozen=True)
class Listing:
    """What a list is, wherever it is shown.

    Parameters
    ----------
    name
        Names it in addresses, and what users keep of it: columns and views.
    columns, more_columns
        The usual ones, and what can be shown besides.
    fetch
        Reads rows, in one query or a few, however many they are.
    key
        Field of a row that the next page begins beyond, or what makes such a key of a row in an order.
    sorts
        The orders it can have, with their words; "-" turns one round. The first is the usual one.
    sorted_by
        Orders by the column whose head leads to them, without "-".
    reads
        Least role that may see it.
    after_name
        Name of the query parameter with the key, where a page shows more than one list.
    """

    name: str
    columns: Sequence[Column]
    filters: Sequence[Filter]
    fetch: Fetch
    key: str | Callable[[Row, str], str]
    sorts: Mapping[str, Any]
    sorted_by: Mapping[str, str] = field(default_factory=dict)
    more_columns: Sequence[Column] = ()
    reads: Role = Role.VIEWER
    after_name: str = "after"

    @property
    def all_columns(self) -> dict[str, Column]:
        """Every column by its name."""
        return {column.name: column for column in (*self.columns, *self.more_columns)}

    @property
    def usual_sort(self) -> str:
        """The order where none is asked for."""
        return next(iter(self.sorts))

    @property
    def before_name(self) -> str:
        """Name of the query parameter with the key of a page that is read backwards."""
        return self.after_name.replace("after", "before")

    def cursor(self, row: Row, sort: str) -> str:
        """Return where the page after a row begins."""
        return self.key(row, sort) if callable(self.key) else str(row[self.key])


def by_key(name: str) -> Callable[[Row, str], str]:
    """Make the key of a noun's list in the orders `BY_KEY`: the field `name`, or `id` in the order of making."""
    return lambda row, sort: str(row[name if sort.endswith("key") else "id"])


LISTINGS: dict[str, Listing] = {}


def register(listing: Listing) -> Listing:
    """Make a listing known to files, columns and views by its name."""
    LISTINGS[listing.name] = listing
    return listing


@dataclass(frozen=True)
class Chip:
    """A filter that is set, with the address of the list without it."""

    label: Any
    said: str
    url: str


@dataclass
class List:
    """One page of a list, ready to be shown."""

    listing: Listing
    columns: Sequence[Column]
    chosen: Sequence[str]
    filters: Sequence[Filter]
    sort: str
    of: str | None
    kept: Mapping[str, Sequence[str]]
    rows: Sequence[Row]
    first_url: str | None
    next_url: str | None
    previous_url: str | None
    problem: str | None
    saved_views: Mapping[str, Mapping[str, Any]]

    @property
    def given(self) -> list[Filter]:
        """The filters that are set."""
        return [each for each in self.filters if each.value]

    @property
    def is_filtered(self) -> bool:
        """Whether any filter is set."""
        return bool(self.given)

    @property
    def unfiltered_url(self) -> str:
        """The address of the list without filters."""
        return self._without(*(each.name for each in self.filters))

    @property
    def chips(self) -> list[Chip]:
        """The filters that are set, each of which can be taken away."""
        return [Chip(each.label, each.said, self._without(each.name)) for each in self.given]

    @property
    def column_names(self) -> str:
        """The columns that are chosen, as the address says them; blank if they are the usual ones."""
        usual = [column.name for column in self.listing.columns]
        return "" if usual == self.chosen else ",".join(self.chosen)

    @property
    def saved_urls(self) -> dict[str, str]:
        """The addresses of the saved views, by their names."""
        return {name: _address(values) for name, values in self.saved_views.items()}

    @property
    def count_text(self) -> str:
        """How many rows there are, as far as this page tells."""
        shown = format_decimal(len(self.rows))
        if self.first_url is None and self.next_url is None:
            return str(gettext("Rows: %(count)s", count=shown))
        return str(gettext("Rows on this page: %(count)s", count=shown))

    def sort_url(self, column: Column) -> str | None:
        """Return the address of the list in the order of a column: turned round if it has it; None if it has none."""
        order = self.listing.sorted_by.get(column.name)
        if order is None:
            return None
        first = next(sort for sort in self.listing.sorts if sort.lstrip("-") == order)
        sort = opposite(self.sort) if self.sort.lstrip("-") == order else first
        return self.order_url(sort)

    def order_url(self, sort: str) -> str:
        """Return the address of the list in an order."""
        return _address({**self.kept, "sort": [sort]})

    def direction(self, column: Column) -> str | None:
        """Tell how the list is sorted by a column, as `aria-sort` says it."""
        if self.listing.sorted_by.get(column.name) != self.sort.lstrip("-"):
            return None
        return "descending" if self.sort.startswith("-") else "ascending"

    def export_url(self, form: str) -> str:
        """Return the address of the list as a file of a form: csv or xlsx."""
        filters: dict[str, Any] = {each.name: each.value for each in self.given}
        return url_for(
            "pages.list_actions.export", name=self.listing.name, form=form, sort=self.sort, of=self.of,
            columns=request.args.get("columns"), **filters,
        )  # fmt: skip

    def _without(self, *names: str) -> str:
        return _address({name: values for name, values in self.kept.items() if name not in names})


def opposite(sort: str) -> str:
    """Return the order turned round."""
    return sort[1:] if sort.startswith("-") else f"-{sort}"


def filled(filters: Sequence[Filter], values: Mapping[str, str]) -> list[Filter]:
    """Return the filters with their values in an address or a form."""
    return [replace(each, value=values.get(each.name, "").strip()) for each in filters]


def given(filters: Sequence[Filter]) -> dict[str, list[str]]:
    """Return what the domain's `page` takes: the values that are set, by the name of their filter."""
    return {each.name: [each.value] for each in filters if each.value}


def wanted(listing: Listing, *, limit: int, of: str | None = None) -> Wanted:
    """Read which rows this request asks for, from the first one on."""
    sort = request.args.get("sort", "")
    return Wanted(
        given(filled(listing.filters, request.args)),
        sort if sort in listing.sorts else listing.usual_sort,
        limit=limit,
        of=of,
    )


def columns(listing: Listing) -> list[Column]:
    """Return the columns to be shown: those of the address, else those the user has chosen, else the usual ones."""
    named: Sequence[str] = request.args.get("columns", "").split(",")
    known = listing.all_columns
    chosen = [known[name] for name in dict.fromkeys(named) if name in known]
    if not chosen:
        session, actor = database.session(), identity.required()
        named = list_settings.columns(session, actor=actor, list=listing.name) or ()
        chosen = [known[name] for name in named if name in known]
    return chosen or list(listing.columns)


def read(listing: Listing, *, of: str | None = None) -> List:
    """Read the page of a list that this request asks for; `of` is the key of the thing whose rows they are."""
    session = database.session()
    asked = wanted(listing, of=of, limit=LIMIT)
    after = request.args.get(listing.after_name) or None
    before = request.args.get(listing.before_name) or None
    problem = None
    beyond = replace(
        asked,
        sort=opposite(asked.sort) if before else asked.sort,
        after=before or after,
        limit=asked.limit + 1,
    )
    try:
        rows = list(listing.fetch(session, beyond))
    except Invalid as invalid:
        rows, problem = [], messages.refusal_message(invalid)
    more = len(rows) > asked.limit
    rows = rows[: asked.limit]
    if before:
        rows.reverse()
    chosen = columns(listing)
    passing = (listing.after_name, listing.before_name)
    kept = {name: values for name, values in request.args.lists() if name not in passing}
    is_first = not (after or before) or (before is not None and not more)
    has_next = bool(rows) if before else more
    return List(
        listing=listing,
        columns=[
            column for column in chosen if not column.sparse or any(column.value_of(row) for row in rows)
        ],
        chosen=[column.name for column in chosen],
        filters=filled(listing.filters, request.args),
        sort=asked.sort,
        of=of,
        kept=kept,
        rows=rows,
        first_url=None if is_first else _address(kept),
        previous_url=_address({**kept, listing.before_name: [listing.cursor(rows[0], asked.sort)]})
        if rows and not is_first
        else None,
        next_url=_address({**kept, listing.after_name: [listing.cursor(rows[-1], asked.sort)]})
        if has_next
        else None,
        problem=problem,
        saved_views=list_settings.saved_filters(session, actor=identity.required(), list=listing.name),
    )


def every_page(
    transaction: Callable[[], AbstractContextManager[Session]], listing: Listing, asked: Wanted
) -> Iterator[Sequence[Row]]:
    """Read all rows that are wanted, a page at a time, each in a transaction of its own.

    However slow the reader, no transaction stays open and no more than a page is in memory.
    """
    while True:
        with transaction() as session:
            rows = listing.fetch(session, asked)
        yield rows
        if not rows:
            return
        asked = replace(asked, after=listing.cursor(rows[-1], asked.sort))


@dataclass(frozen=True)
class Selection:
    """What was selected in a list and sent with its form: rows by their keys, or all that match its filters."""

    keys: Sequence[str]
    filters: Sequence[Filter]
    is_all: bool

    @property
    def given(self) -> dict[str, list[str]]:
        """The filters as the domain takes them."""
        return given(self.filters)

    @property
    def numbers(self) -> list[int]:
        """The keys as whole numbers; what is none is left out."""
        return [int(key) for key in self.keys if key.isascii() and key.isdecimal() and len(key) < 19]

    @property
    def said(self) -> str:
        """The filters in words."""
        return "; ".join(f"{each.label}: {each.said}" for each in self.filters if each.value)


def selected(listing: Listing, key: str) -> Selection:
    """Read what was selected, from the form that goes with the list; `key` is the name of the boxes."""
    return Selection(
        keys=request.form.getlist(key),
        filters=filled(listing.filters, request.form),
        is_all=request.form.get("scope") == "matching",
    )


def whole(after: str | None) -> int | None:
    """Read the key of a page's beginning where it is a whole number; anything else begins at the first page."""
    return int(after) if after and after.isascii() and after.isdecimal() and len(after) < 10 else None


def _address(arguments: Mapping[str, Any]) -> str:
    return url_for(request.endpoint or "", **{**(request.view_args or {}), **arguments})
