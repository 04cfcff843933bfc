"""What is wrong is named, all of it at once, and nothing half done stays (issue 2, "must show"; API, errors)."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from ops.faults.client import Answer
from ops.faults.company import Company

# What a refused request must leave alone.
KEPT = ("contact", "segment", "segment_line", "interaction", "job", "job_chunk", "job_file", "import_row")


def counts(company: Company) -> dict[str, int]:
    return {table: company.stack.value(f"SELECT count(*) FROM {table}") for table in KEPT}


def upload(company: Company, data: str | bytes, query: str = "") -> Answer:
    return company.client.post(f"/contacts/import{query}", data, headers={"Content-Type": "text/csv"})


@pytest.mark.parametrize(
    ("method", "path", "body", "faults"),
    [
        ("POST", "/segments", {"template_code": "NOPE"}, [("template_code", "unknown")]),
        (
            "POST",
            "/segments",
            {"template_code": "NOPE", "salesperson_code": "XX", "campaign_no": "CP9", "unit_cost": "-1", "color": 1},
            [
                ("campaign_no", "unknown"), ("color", "unknown_field"), ("salesperson_code", "unknown"),
                ("template_code", "unknown"), ("unit_cost", "negative"),
            ],
        ),
        ("POST", "/segments/{no}/lines", {"contact_no": "NOPE"}, [("contact_no", "unknown")]),
        (
            "POST",
            "/segments/{no}/lines",
            {"contact_no": "BOOK00000009", "template_code": "NOPE", "salesperson_code": "XX"},
            [("salesperson_code", "unknown"), ("template_code", "unknown")],
        ),
        (
            "POST",
            "/segments/{no}/lines",
            {"contact_nos": ["BOOK00000009", "NOPE", "BOOK00000010", "NADA"]},
            [("contact_nos.1", "unknown"), ("contact_nos.3", "unknown")],
        ),
        ("PATCH", "/segments/{no}/lines/1", {"salesperson_code": "XX"}, [("salesperson_code", "unknown")]),
        ("PATCH", "/segments/{no}", {"description": "x" * 101}, [("description", "too_long")]),
        (
            "POST",
            "/contacts",
            {"type": "robot", "name": "x" * 5_000, "salesperson_code": "XX", "company_no": "NOPE"},
            [
                ("company_no", "unknown"), ("name", "too_long"), ("salesperson_code", "unknown"),
                ("type", "not_a_choice"),
            ],
        ),
        ("POST", "/segments/{no}/log", {"on_invalid": "guess"}, [("on_invalid", "not_a_choice")]),
        ("POST", "/segments/{no}/actions", {"action": "add", "filters": {}}, [("filters", "filter_missing")]),
    ],
)  # fmt: skip
def test_what_is_not_valid_is_named(
    company: Company, method: str, path: str, body: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    """API: 422 with every fault."""
    no = company.segment(lines=3)
    before = counts(company), company.client.get(f"/segments/{no}/lines").json
    answer = company.client(method, path.format(no=no), body)
    assert (answer.status, answer.faults) == (422, faults), answer.text
    assert all(error["message"] for error in answer.json["errors"])
    assert (counts(company), company.client.get(f"/segments/{no}/lines").json) == before


@pytest.mark.parametrize(
    "body",
    ["{", "[1]", '{"description": NaN}', '{"no": "A", "no": "B"}', b'{"description": "\xff"}', "nonsense"],
)
def test_what_is_not_json_is_refused(company: Company, body: str | bytes) -> None:
    """API: 400, or 422 where it is JSON of another shape."""
    before = counts(company)
    answer = company.client.post("/segments", body)
    assert answer.status == (422 if body == "[1]" else 400), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert counts(company) == before


def test_a_segment_that_is_not_ready_is_refused_at_once(company: Company) -> None:
    """L2"""
    client = company.client
    for no, code in [
        (company.segment(lines=0), "segment_empty"),
        (company.segment(lines=3, description=None), "description_missing"),
    ]:
        answer = client.post(f"/segments/{no}/log")
        assert (answer.status, answer.json["code"]) == (422, code)
        assert client.get(f"/segments/{no}").json["status"] == "open"
    assert client.post("/segments/NOPE/log").status == 404
    done = company.segment(lines=3, no="ONCE")
    company.finished(company.log(done))
    answer = client.post("/segments", {"no": "once", "description": "x"})
    assert (answer.status, answer.json["code"]) == (409, "already_logged")


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        ("no,type,name\nX1,company,Müller\n".encode("latin-1"), [("file", "invalid")]),
        ("no,type,name\nX1,company,Крона\n".encode("utf-16"), [("file", "invalid")]),
        ("no,type,name\nX1,company,Крона\n".encode("cp1251"), [("file", "invalid")]),
        (gzip.compress(b"no,type,name\nX1,company,A\n"), [("file", "invalid")]),
        ("type,city\ncompany,Berlin\n", [("name", "required")]),
        ("no,type,name,shoe_size\nX1,company,A,44\n", [("shoe_size", "unknown_field")]),
        ("no,type,name,name\nX1,company,A,B\n", [("columns", "invalid")]),
        ("", [("file", "required")]),
    ],
    ids=["latin-1", "utf-16", "cp1251", "gzip", "no name", "unknown column", "twice", "empty"],
)
def test_a_file_that_cannot_be_read_is_refused_whole(
    company: Company, data: str | bytes, faults: list[tuple[str, str]]
) -> None:
    """API, /contacts/import: another encoding, a missing or unknown column."""
    before = counts(company)
    answer = upload(company, data)
    assert (answer.status, answer.faults) == (422, faults), answer.text
    assert all("“”" not in error["message"] for error in answer.json["errors"]), answer.text
    assert counts(company) == before


def test_bad_rows_are_reported_and_the_rest_goes_in(company: Company) -> None:
    """API, /contacts/import: 5,000 characters, unknown codes, too few cells; each row with its number."""
    rows = [
        "X1,company,Good,JO,",
        f"X2,company,{'x' * 5_000},JO,",
        "X3,robot,Bad type,JO,",
        "X4,company,Bad salesperson,NOPE,",
        "X5,person,Bad company,JO,NOPE",
        "X6,company",
        f"X7,company,{'x' * 5_000},JO,",
        f"{'X' * 5_000},company,Long number,JO,",
        "X8,person,Good too,JO,X1",
        "X1,company,Again,JO,",
    ]
    asked = upload(company, "\n".join(["no,type,name,salesperson_code,company_no", *rows]) + "\n")
    result = company.finished(asked)["result"]
    assert (result["created"], result["updated"], result["rejected"]) == (2, 0, 8)
    found = {
        row["row"]: sorted((error["field"], error["code"]) for error in row["errors"])
        for row in result["rejected_rows"]
    }
    assert {row: [code for _, code in errors] for row, errors in found.items()} == {
        3: ["too_long"], 4: ["not_a_choice"], 5: ["unknown"], 6: ["unknown"], 7: ["invalid"],
        8: ["too_long"], 9: ["too_long"], 11: ["already_exists"],
    }, found  # fmt: skip
    assert [contact["no"] for contact in company.all_of("/contacts?q=Good")] == ["X1", "X8"]
    assert company.client.get("/contacts/X8").json["company_no"] == "X1"
    assert [company.client.get(f"/contacts/X{n}").status for n in range(2, 8)] == [404] * 6
    assert len(str(result)) < 5_000, "what is wrong is shown shortened"


def test_nobody_gets_in_without_a_token(company: Company) -> None:
    """U1"""
    for token in (None, "wrong"):
        client = type(company.client)(company.client.port, token)
        for method, path in [("GET", "/contacts"), ("POST", "/segments"), ("POST", "/segments/X/log")]:
            answer = client(method, path)
            assert (answer.status, answer.json["code"]) == (401, "not_signed_in")
