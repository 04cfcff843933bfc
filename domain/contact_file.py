"""Files of contacts: which column fills which field, and what a row says (API.md, /contacts/import).

Reading is a stream: a piece of the file, then the rows that end in it; nothing is held but the row at hand. What
cannot be understood as a whole (another encoding, unknown columns) refuses the file; what is wrong with one row is
kept with that row, and the others go on.
"""

from __future__ import annotations

import codecs
import csv
import functools
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain import contact_links
from domain import values as v
from domain.contact_links import MEMBERSHIPS
from domain.contacts import CHECKS, READ_ONLY
from domain.errors import Fault, Faults, Invalid

FIELDS = tuple(CHECKS)
FLAGS = ("exclude_from_segment", "privacy_blocked")
CHOICES = ("type", "correspondence_type")
FLAG_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
UNIQUE_FIELDS = ("no", "name", "email", "phone", "mobile_phone", "address")
DELIMITERS = (",", ";")
# Cells with their row that a single line may come to; more is no table any more.
LONGEST_LINE = 1_000_000
HEADER_ROWS = 1

Error = dict[str, Any]


@dataclass(frozen=True)
class Layout:
    """How rows of a file become contacts.

    Parameters
    ----------
    delimiter
        Between cells.
    width
        Cells in a row.
    sources
        For each field that the file gives, the parts of its value: a number stands for the cell there, a text
        for itself.
    """

    delimiter: str
    width: int
    sources: dict[str, list[int | str]]

    @property
    def fields(self) -> list[str]:
        """The fields that the file gives, in the order of `FIELDS` (a layout is kept as JSON, which has none)."""
        return sorted(self.sources, key=FIELDS.index)


@dataclass(frozen=True)
class Row:
    """One row: `no` counts as a spreadsheet does, the header being row 1.

    `values` are in the order of the layout's fields, in the shape they are staged in; a row with `errors` keeps
    only its contact number.
    """

    no: int
    values: list[str | bool | None]
    errors: list[Error]


def find_layout(
    beginning: str, *, mapping: Mapping[str, str] | None, defaults: Mapping[str, str] | None
) -> Layout:
    """Find out the layout of a file from its header row.

    Parameters
    ----------
    beginning
        The first lines of the file.
    mapping
        For each field its column, or a pattern such as `{first_name} {last_name}`; other columns are left alone.
        Without it the columns are named like the fields, and all of them are used.
    defaults
        One value for all contacts, for fields that have no column.

    Raises
    ------
    Invalid
        Naming every column that is unknown, missing or there twice, and every fault of `mapping` and `defaults`.
    """
    mapping, defaults = mapping or {}, defaults or {}
    faults = Faults()
    delimiter, header = _header(beginning, wanted=set(_columns_of(mapping)) or set(FIELDS))
    width = len(header)
    sources = (
        _mapped(header, mapping, faults) if mapping else _named_like_fields(header, faults)
    ) | _constants(defaults, {_folded(name) for name in mapping or header}, faults)
    if "no" not in sources:
        for field in ("type", "name"):
            if field not in sources and field not in mapping:
                faults.add(field, "required")
    faults.raise_if_any()
    return Layout(delimiter, width, sources)


def _header(beginning: str, *, wanted: set[str]) -> tuple[str, list[str]]:
    """Return the delimiter that finds most of the wanted columns, and the names of the columns."""
    found: list[tuple[int, int, str, list[str]]] = []
    for delimiter in DELIMITERS:
        try:
            cells = next(csv.reader(_lines(beginning), delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        header = [cell.strip() for cell in cells]
        while header and not header[-1]:
            header.pop()
        known = len({_folded(name) for name in wanted} & {_folded(name) for name in header})
        found.append((known, len(header), delimiter, header))
    if not beginning.strip():
        raise Invalid([Fault("file", "required")])
    if not any(header for *_, header in found):
        raise Invalid([Fault("file", "invalid", v.shown(beginning.splitlines()[0]), {"reason": "header"})])
    _, _, delimiter, header = max(found, key=lambda one: one[:2])
    return delimiter, header


def _mapped(header: list[str], mapping: Mapping[str, str], faults: Faults) -> dict[str, list[int | str]]:
    sources: dict[str, list[int | str]] = {}
    for field, pattern in mapping.items():
        if field not in FIELDS:
            faults.add(f"mapping.{field}", "read_only" if field in READ_ONLY else "unknown_field", pattern)
            continue
        parts: list[int | str] = []
        for is_column, part in _parts(pattern, header):
            places = [place for place, name in enumerate(header) if _folded(name) == _folded(part)]
            if not is_column:
                parts.append(part)
            elif len(places) == 1:
                parts.append(places[0])
            elif places:
                faults.add(f"mapping.{field}", "invalid", part, reason="repeated")
            else:
                faults.add(f"mapping.{field}", "unknown", part)
        sources[field] = parts
    return sources


def _parts(pattern: str, header: Iterable[str] = ()) -> Iterator[tuple[bool, str]]:
    """Split a pattern into columns (True) and texts between them; without braces it is a column."""
    if "{" not in pattern or _folded(pattern) in map(_folded, header):
        yield True, pattern
        return
    for position, part in enumerate(re.split(r"\{([^{}]*)\}", pattern)):
        if position % 2:
            yield True, part
        elif part:
            yield False, part


def _columns_of(mapping: Mapping[str, str]) -> Iterator[str]:
    for pattern in mapping.values():
        yield from (part for is_column, part in _parts(pattern) if is_column)


def _named_like_fields(header: list[str], faults: Faults) -> dict[str, list[int | str]]:
    sources: dict[str, list[int | str]] = {}
    for place, name in enumerate(header):
        field = _folded(name)
        if field in sources:
            faults.add("columns", "invalid", v.shown(name), reason="repeated")
        elif field in READ_ONLY:
            faults.add(v.shown(name) or "columns", "read_only", v.shown(name))  # type: ignore[arg-type]
        elif field not in FIELDS:
            faults.add(str(v.shown(name)) or f"column {place + 1}", "unknown_field", v.shown(name))
        else:
            sources[field] = [place]
    return sources


def _constants(defaults: Mapping[str, str], given: set[str], faults: Faults) -> dict[str, list[int | str]]:
    for field, value in defaults.items():
        path = f"defaults.{field}"
        if field not in FIELDS:
            faults.add(path, "unknown_field", value)
        elif field == "no":
            faults.add(path, "read_only", value)
        elif field in given:
            faults.add(path, "invalid", value, reason="also_a_column")
        else:
            for error in _taker(field)(value)[1]:
                faults.add(path, error["code"], value, **error["params"])
    return {field: [value] for field, value in defaults.items()}


def _folded(name: str) -> str:
    return name.strip().casefold()


class Encoding:
    """Checks pieces of a file for UTF-8 as they pass, in any cut."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._bytes = 0
        self._lines = 1

    def decode(self, piece: bytes, *, last: bool = False) -> str:
        """Return the text of the next piece.

        Raises
        ------
        Invalid
            Naming line and byte (both from 1) of what is no UTF-8.
        """
        waiting = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(piece, last)
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            raise Invalid(
                [
                    Fault(
                        "file",
                        "invalid",
                        None,
                        {
                            "reason": "not_utf8",
                            "line": self._lines + before.count(b"\n"),
                            "byte": self._bytes - waiting + error.start + 1,
                        },
                    )
                ]
            ) from error
        self._bytes += len(piece)
        self._lines += piece.count(b"\n")
        return text


def read(pieces: Iterable[bytes], layout: Layout) -> Iterator[Row]:
    """Read the rows below the header; blank rows are counted and left out.

    Raises
    ------
    Invalid
        If the quotation marks of a row are not in order: nobody knows where that row ends.
    """
    takers = [(field, _source(layout.sources[field]), _taker(field)) for field in layout.fields]
    reader = csv.reader(_lines_of(pieces), delimiter=layout.delimiter, strict=True)
    row_no = 0
    while True:
        row_no += 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise Invalid(
                [Fault("file", "invalid", str(error), {"reason": "quotes", "row": row_no})]
            ) from error
        if cells is None:
            return
        if row_no > HEADER_ROWS and any(map(str.strip, cells)):
            yield _row(row_no, cells, layout, takers)


Taken = tuple[str | bool | None, list[Error]]
Taker = tuple[str, Callable[[list[str]], str], Callable[[str], Taken]]


def _row(row_no: int, cells: list[str], layout: Layout, takers: list[Taker]) -> Row:
    found = len(cells)
    while len(cells) > layout.width and not cells[-1].strip():
        cells.pop()
    values: list[str | bool | None] = []
    errors: list[Error] = []
    if len(cells) == layout.width:
        for _, source, take in takers:
            value, wrong = take(source(cells))
            values.append(value)
            errors += wrong
    else:
        errors.append(
            {
                "field": "row",
                "code": "invalid",
                "value": None,
                "params": {"reason": "cells", "expected": layout.width, "found": found},
            }
        )
    if errors:
        cells += [""] * layout.width
        values = [_storable(source(cells)) or None if field == "no" else None for field, source, _ in takers]
    return Row(row_no, values, errors)


def _source(parts: list[int | str]) -> Callable[[list[str]], str]:
    """Make the function that reads the value of a field from the cells of a row; blank if all its cells are."""
    places = [part for part in parts if isinstance(part, int)]
    if not places:
        constant = "".join(map(str, parts))
        return lambda cells: constant
    if len(parts) == 1:
        place = places[0]
        return lambda cells: cells[place].strip()

    def compose(cells: list[str]) -> str:
        if not any(cells[place].strip() for place in places):
            return ""
        return "".join(part if isinstance(part, str) else cells[part].strip() for part in parts).strip()

    return compose


def _taker(field: str) -> Callable[[str], Taken]:
    """Make the function that checks a cell of a field as every other door does and returns it as it is staged."""
    check = CHECKS[field]

    def take(cell: str) -> Taken:
        try:
            return _staged(check(_given(field, cell) if cell else None)), []
        except v.Bad as bad:
            return None, [_error(field, bad.code, cell, bad.params)]

    def take_accounts(cell: str) -> Taken:
        faults = Faults()
        accounts = contact_links.take_accounts(_given(field, cell), faults)
        try:
            faults.raise_if_any()
        except Invalid as invalid:
            return None, [
                _error(fault.field, fault.code, fault.value, fault.params) for fault in invalid.faults
            ]
        return "|".join(":".join(account) for account in accounts.values()), []

    if field == "accounts":
        return take_accounts
    # The same places, languages and salespeople come again and again.
    return take if field in UNIQUE_FIELDS else functools.lru_cache(1_000)(take)


def _given(field: str, cell: str) -> Any:
    """Read a cell that is not blank as the API would be given it."""
    if field in FLAGS:
        return FLAG_WORDS.get(cell.lower(), cell)
    if field in CHOICES:
        return re.sub(r"[ -]", "_", cell.lower())
    if field in MEMBERSHIPS:
        return _listed(cell)
    if field == "accounts":
        rows = [item.partition(":") for item in _listed(cell)]
        return [{"type": type.strip().lower(), "no": no.strip()} for type, _, no in rows]
    return cell


def _listed(cell: str) -> list[str]:
    return [item.strip() for item in cell.split("|") if item.strip()]


def _staged(value: Any) -> str | bool | None:
    return "|".join(value) if isinstance(value, list) else value


def _error(field: str, code: str, value: Any, params: Mapping[str, Any]) -> Error:
    return {
        "field": field,
        "code": code,
        "value": _storable(value) if isinstance(value, str) else value,
        "params": {name: list(one) if isinstance(one, tuple) else one for name, one in params.items()},
    }


def _storable(value: str) -> str:
    return str(v.shown(value.replace("\0", "\N{REPLACEMENT CHARACTER}")))


def _lines_of(pieces: Iterable[bytes]) -> Iterator[str]:
    """Cut a stream into lines, their ends kept as they are."""
    encoding = Encoding()
    rest = ""
    for piece in pieces:
        rest += encoding.decode(piece)
        end = (rest.rfind("\n") + 1) or (rest.rfind("\r", 0, -1) + 1)
        yield from _lines(rest[:end])
        rest = rest[end:]
        if len(rest) > LONGEST_LINE:
            raise Invalid([Fault("file", "invalid", v.shown(rest), {"reason": "long_line"})])
    yield from _lines(rest + encoding.decode(b"", last=True))


def _lines(text: str) -> Iterator[str]:
    return io.StringIO(text, newline="")
