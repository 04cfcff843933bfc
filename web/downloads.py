"""Files of rows, made page by page: flat in memory, whatever their size, and safe to be opened in a spreadsheet."""

from __future__ import annotations

import csv as csv_files
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import xlsxwriter
from flask import Response, send_file, stream_with_context

from web import codec

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# What a spreadsheet takes a cell for a formula by, or loses without a word.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
# Rows of a sheet, its head among them, as the format has it; what is more goes to the next sheet.
ROWS_OF_SHEET = 1_048_576

Rows = Iterable[Iterable[Mapping[str, Any]]]


def csv(pages: Rows, *, columns: Mapping[str, Any], name: str) -> Response:
    """Answer with a CSV file that is written while it is sent.

    Parameters
    ----------
    pages
        Rows, some at a time. The first ones are read before the answer begins, so that a refusal is still an answer.
    columns
        Fields of a row with their heads.
    name
        File name.
    """
    pieces = _csv(pages, columns)
    head = next(pieces) + next(pieces)

    def file() -> Iterator[bytes]:
        yield head
        yield from pieces

    response = Response(stream_with_context(file()), content_type=f"{CSV}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _csv(pages: Rows, columns: Mapping[str, Any]) -> Iterator[bytes]:
    """Write head and pages; a byte order mark tells spreadsheets that it is UTF-8."""
    yield b"\xef\xbb\xbf" + _lines([[str(head) for head in columns.values()]])
    for rows in pages:
        yield _lines([[cell(row[field]) for field in columns] for row in rows])


def _lines(rows: list[list[str]]) -> bytes:
    written = io.StringIO()
    csv_files.writer(written).writerows(rows)
    return written.getvalue().encode("utf-8", "replace")


def cell(value: object) -> str:
    """Write a value as a CSV cell. A text that a spreadsheet would take for a formula begins with an apostrophe."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value if value.startswith(DANGEROUS) else value
        case int():
            return str(value)
        case Decimal() | datetime() | date() | time():
            return str(codec.plain(value))
    return str(value)


def xlsx(pages: Rows, *, columns: Mapping[str, Any], name: str) -> Response:
    """Answer with a workbook, written to a temporary file first. Texts are texts there, whatever they begin with."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the answer once it is sent
    with xlsxwriter.Workbook(file, {"constant_memory": True, "remove_timezone": True}) as book:
        forms = {
            date: book.add_format({"num_format": "yyyy-mm-dd"}),
            time: book.add_format({"num_format": "hh:mm"}),
        }
        sheet, position = None, ROWS_OF_SHEET
        for rows in pages:
            for row in rows:
                if position == ROWS_OF_SHEET:
                    sheet, position = book.add_worksheet(), 1
                    sheet.write_row(0, 0, [str(head) for head in columns.values()])
                assert sheet is not None
                for place, field in enumerate(columns):
                    _write(sheet, position, place, row[field], forms)
                position += 1
        if sheet is None:
            book.add_worksheet().write_row(0, 0, [str(head) for head in columns.values()])
    file.seek(0)
    return send_file(file, mimetype=XLSX, as_attachment=True, download_name=name)


def _write(sheet: Any, row: int, place: int, value: object, forms: Mapping[type, Any]) -> None:
    match value:
        case None:
            return
        case bool() | datetime():
            sheet.write_string(row, place, cell(value))
        case int() | Decimal():
            sheet.write_number(row, place, value)
        case date():
            sheet.write_datetime(row, place, datetime.combine(value, time()), forms[date])
        case time():
            sheet.write_datetime(row, place, value, forms[time])
        case _:
            sheet.write_string(row, place, str(value))
