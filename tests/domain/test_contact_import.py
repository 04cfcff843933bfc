"""Contacts come in from a file: what is good goes in once, what is not is reported (API /contacts/import, C1, C3)."""

import gzip
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from domain import (
    actors,
    audit,
    contact_file,
    contact_import,
    contacts,
    job_endings,
    jobs,
    number_series,
    setup,
)
from domain.database import transaction
from domain.errors import Invalid
from domain.jobs import Job
from domain.number_series import NumberSeriesMissing

from .engine_helpers import drain, sessions_on, state_of, work
from .makers import make_company, make_contact, make_salesperson

Sessions = sessionmaker[Session]
DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def sessions(fresh_db: str) -> Iterator[Sessions]:
    with sessions_on(fresh_db) as made:
        yield made


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_import, "CHUNK", 2)
    monkeypatch.setattr(contact_import, "BATCH", 3)
    monkeypatch.setattr(contact_import, "PIECE", 300)


def ask(sessions: Sessions, file: str | bytes, **options: Any) -> Job:
    data = file if isinstance(file, bytes) else file.encode()
    with transaction(sessions) as session:
        return contact_import.request(
            session,
            pieces=(data[at : at + 5] for at in range(0, len(data), 5)),
            actor=actors.system(session),
            **options,
        )


def run(sessions: Sessions, file: str | bytes, **options: Any) -> dict[str, Any]:
    job = ask(sessions, file, **options)
    drain(sessions)
    return state_of(sessions, job)


def result(sessions: Sessions, file: str | bytes, **options: Any) -> dict[str, Any]:
    described = run(sessions, file, **options)
    assert described["state"] == "succeeded", described["problem"]
    assert leftovers(sessions) == (0, 0)
    return dict(described["result"])


def faults(report: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Row, field and code of everything that was rejected."""
    return [
        (row["row"], error["field"], error["code"])
        for row in report["rejected_rows"]
        for error in row["errors"]
    ]


def book(sessions: Sessions) -> dict[str, dict[str, Any]]:
    """All contacts by number, as the API shows them."""
    with transaction(sessions) as session:
        found = contacts.page(session, filters={}, limit=1000)
        return {shape["no"]: shape for shape in contacts.describe(session, found)}


def leftovers(sessions: Sessions) -> tuple[int, int]:
    with transaction(sessions) as session:
        row = session.execute(
            text("SELECT (SELECT count(*) FROM import_row), (SELECT count(*) FROM job_file)")
        )
        return tuple(row.one())  # type: ignore[return-value]


def refusal(sessions: Sessions, file: str | bytes, **options: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        ask(sessions, file, **options)
    assert leftovers(sessions) == (0, 0)
    return [(fault.field, fault.code) for fault in refused.value.faults]


# What goes in --------------------------------------------------------------------------------------------


def test_every_field_is_taken(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        make_salesperson(session, "HR")
    report = result(
        sessions,
        "\ufeffno;type;name;company_no;email;phone;mobile_phone;address;post_code;city;country_code;"
        "territory_code;language_code;salesperson_code;correspondence_type;exclude_from_segment;"
        "privacy_blocked;mailing_groups;industry_groups;business_relations;job_responsibilities;accounts\r\n"
        "P1;Person;Anna;c1;a@b.example;1;2;Road 1;M61;Manchester;GB;N;ENG;hr;Hard Copy;yes;0;"
        "X|Y;RET;PRESS;MGR;customer:C100|vendor:V4\r\n"
        "C1;Company;Cane; ;;;;;;;;;;;;;;;;;;\r\n",
    )
    assert report == {"created": 2, "updated": 0, "rejected": 0, "rejected_rows": []}
    assert book(sessions)["P1"] == {
        "no": "P1",
        "type": "person",
        "name": "Anna",
        "company_no": "C1",
        "email": "a@b.example",
        "phone": "1",
        "mobile_phone": "2",
        "address": "Road 1",
        "post_code": "M61",
        "city": "Manchester",
        "country_code": "GB",
        "territory_code": "N",
        "language_code": "ENG",
        "salesperson_code": "HR",
        "correspondence_type": "hard_copy",
        "exclude_from_segment": True,
        "privacy_blocked": False,
        "erased": False,
        "mailing_groups": ["X", "Y"],
        "industry_groups": ["RET"],
        "business_relations": ["PRESS"],
        "job_responsibilities": ["MGR"],
        "accounts": [{"type": "customer", "no": "C100"}, {"type": "vendor", "no": "V4"}],
    }


def test_a_known_number_changes_only_the_columns_present_and_an_empty_cell_clears(
    sessions: Sessions,
) -> None:
    with transaction(sessions) as session:
        make_contact(
            session,
            no="Anna1",
            city="Leeds",
            phone="7",
            language_code="ENG",
            mailing_groups=["A", "B"],
            accounts=[{"type": "customer", "no": "1"}],
        )
    report = result(sessions, "no,phone,city,mailing_groups,language_code,accounts\nANNA1,,York,b|C,,\n")
    assert (report["created"], report["updated"]) == (0, 1)
    anna = book(sessions)["Anna1"]
    assert (anna["name"], anna["phone"], anna["city"], anna["language_code"]) == ("Anna", "", "York", None)
    assert anna["mailing_groups"] == ["b", "C"]
    assert anna["accounts"] == []


def test_columns_that_are_absent_leave_links_alone(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        make_contact(session, no="A", mailing_groups=["A"], accounts=[{"type": "vendor", "no": "1"}])
    result(sessions, "no,city\na,York\n")
    assert book(sessions)["A"]["mailing_groups"] == ["A"]
    assert book(sessions)["A"]["accounts"] == [{"type": "vendor", "no": "1"}]


def test_rows_without_number_take_the_next_of_the_series(sessions: Sessions) -> None:
    result(sessions, "type,name\nperson,A\nperson,B\nperson,C\n")
    assert {no: one["name"] for no, one in book(sessions).items()} == {
        "CT000001": "A",
        "CT000002": "B",
        "CT000003": "C",
    }


def test_a_number_that_a_later_row_brings_along_is_not_given_to_another(sessions: Sessions) -> None:
    result(sessions, "no,type,name\n,person,A\n,person,B\n,person,C\nct000002,person,Own\n")
    assert {no: one["name"] for no, one in book(sessions).items()} == {
        "CT000001": "A",
        "CT000003": "B",
        "CT000004": "C",
        "ct000002": "Own",
    }


def test_rejected_rows_use_up_no_number(sessions: Sessions) -> None:
    result(sessions, "type,name,salesperson_code\nperson,A,NOBODY\nperson,B,\n")
    assert {no: one["name"] for no, one in book(sessions).items()} == {"CT000001": "B"}


@pytest.mark.parametrize("company_first", [True, False])
def test_people_find_their_company_wherever_it_stands(sessions: Sessions, company_first: bool) -> None:
    company = ["C1,company,Cane,"]
    people = [f"P{number},person,Anna,c1" for number in range(7)]
    rows = company + people if company_first else people + company
    report = result(sessions, "no,type,name,company_no\n" + "\n".join(rows))
    assert (report["created"], report["rejected"]) == (8, 0)
    assert [book(sessions)[f"P{number}"]["company_no"] for number in range(7)] == ["C1"] * 7


def test_a_company_becomes_a_person_when_its_people_leave_in_the_same_file(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        make_company(session, no="C1")
        make_company(session, no="C2")
        make_contact(session, no="P1", company_no="C1")
        make_contact(session, no="P2", company_no="C2")
    report = result(sessions, "no,type,company_no\nC1,person,\nC2,person,\nP1,person,\nP2,person,C2\n")
    assert faults(report) == [(3, "type", "in_use")]
    assert {no: one["type"] for no, one in book(sessions).items()} == {
        "C1": "person",
        "C2": "company",
        "P1": "person",
        "P2": "person",
    }


def test_two_companies_cannot_become_persons_of_each_other(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        make_company(session, no="C1")
        make_company(session, no="C2")
    report = result(sessions, "no,type,company_no\nC1,person,C2\nC2,person,C1\n")
    assert faults(report) == [(2, "company_no", "invalid"), (3, "company_no", "invalid")]


def test_columns_are_mapped_composed_and_set(sessions: Sessions) -> None:
    report = result(
        sessions,
        "id;First Name;last name;town;other\n1;Anna;Moon;Leeds;x\n2;;Bell;York;y\n;;;Hull;z\n",
        mapping={"no": "BANK{id}", "name": "{first name} {Last Name}", "city": "Town"},
        defaults={"type": "person", "country_code": "GB"},
    )
    assert faults(report) == [(4, "name", "required")]
    assert {no: (one["name"], one["city"], one["country_code"]) for no, one in book(sessions).items()} == {
        "BANK1": ("Anna Moon", "Leeds", "GB"),
        "BANK2": ("Bell", "York", "GB"),
    }


# What is rejected ------------------------------------------------------------------------------------------


def test_a_bad_row_is_reported_with_its_number_and_all_its_reasons(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        make_company(session, no="C9")
        make_contact(session, no="P9")
    report = result(
        sessions,
        "no,type,name,company_no,email,exclude_from_segment,mailing_groups,accounts\n"
        "A1,person,Good,C9,,,,\n"
        "\n"
        f"A2,robot,{'x' * 5000},,nobody,perhaps,a b,customer:|boss:1\n"
        "A3,person\n"
        "A4,person,a\0b,,,,,\n"
        ",,,,,,,\n"
        "A 5,person,Name,,,,,\n"
        "A6,person,Name,NONE,,,,\n"
        "A7,person,Name,P9,,,,\n"
        "A8,company,Name,C9,,,,\n"
        "A9,,,,,,,\n"
        '"A10",person,"Line\nbreak",,,,,,,\n',
    )
    assert (report["created"], report["rejected"]) == (2, 8)
    assert faults(report) == [
        (4, "type", "not_a_choice"),
        (4, "name", "too_long"),
        (4, "email", "invalid"),
        (4, "exclude_from_segment", "invalid"),
        (4, "mailing_groups", "invalid"),
        (4, "accounts.0.no", "required"),
        (4, "accounts.1.type", "not_a_choice"),
        (5, "row", "invalid"),
        (6, "name", "invalid"),
        (8, "no", "invalid"),
        (9, "company_no", "unknown"),
        (10, "company_no", "invalid"),
        (11, "company_no", "invalid"),
        (12, "type", "required"),
        (12, "name", "required"),
    ]
    rows = report["rejected_rows"]
    assert [row["no"] for row in rows][:2] == ["A2", "A3"]
    assert len(rows[0]["errors"][1]["value"]) == 101
    assert rows[1]["errors"][0]["params"] == {"reason": "cells", "expected": 8, "found": 2}
    assert set(book(sessions)) == {"C9", "P9", "A1", "A10"}


def test_an_unknown_number_needs_type_and_name(sessions: Sessions) -> None:
    report = result(sessions, "no,city\nX1,Leeds\n")
    assert faults(report) == [(2, "type", "required"), (2, "name", "required")]


def test_a_number_twice_in_the_file_is_reported_and_the_first_stands(sessions: Sessions) -> None:
    report = result(sessions, "no,type,name\nA,person,First\nB,person,B\na,person,Second\n")
    assert faults(report) == [(4, "no", "already_exists")]
    assert report["rejected_rows"][0]["errors"][0]["params"] == {"row": 2}
    assert book(sessions)["A"]["name"] == "First"


def test_an_account_belongs_to_one_contact(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        make_contact(session, no="Z", accounts=[{"type": "customer", "no": "c1"}])
    report = result(
        sessions,
        "no,type,name,accounts\nA,person,A,customer:C1\nB,person,B,customer:C2\nC,person,C,customer:c2\n"
        "Z,person,Zoe,customer:C1|vendor:C1\n",
    )
    assert faults(report) == [(2, "accounts.0.no", "account_taken"), (4, "accounts.0.no", "account_taken")]
    assert [account["no"] for account in book(sessions)["Z"]["accounts"]] == ["C1", "C1"]


def test_an_account_taken_while_the_import_runs_is_seen(sessions: Sessions) -> None:
    job = ask(sessions, "no,type,name,accounts\nA,person,A,customer:C1\n")
    work(sessions)
    with transaction(sessions) as session:
        make_contact(session, no="Z", accounts=[{"type": "customer", "no": "c1"}])
    drain(sessions)
    assert faults(state_of(sessions, job)["result"]) == [(2, "accounts.0.no", "account_taken")]


def test_a_blocked_contact_stays_blocked(sessions: Sessions) -> None:
    """C3: a row for it is taken only if it keeps it blocked; no such column keeps it."""
    with transaction(sessions) as session:
        for no in ("B1", "B2", "B3"):
            make_contact(session, no=no, privacy_blocked=True)
    report = result(sessions, "no,city,privacy_blocked\nB1,York,yes\nB2,York,\nB3,York,no\n")
    assert faults(report) == [
        (3, "privacy_blocked", "privacy_blocked"),
        (4, "privacy_blocked", "privacy_blocked"),
    ]
    assert result(sessions, "no,city\nB2,York\n")["updated"] == 1
    assert {no: (one["city"], one["privacy_blocked"]) for no, one in book(sessions).items()} == {
        "B1": ("York", True),
        "B2": ("York", True),
        "B3": ("", True),
    }


def test_an_erased_contact_stays_erased(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        make_contact(session, no="E").erased_at = datetime(2026, 3, 10, tzinfo=UTC)
    assert faults(result(sessions, "no,name\nE,Anna\n")) == [(2, "no", "privacy_blocked")]


def test_numbers_by_hand_are_rejected_where_the_series_forbids_them(sessions: Sessions) -> None:
    """N2; a number that is known is none by hand."""
    with transaction(sessions) as session:
        make_contact(session, no="KNOWN")
        series = number_series.get(session, "CONTACT")
        number_series.change(session, series, values={"allow_manual": False}, actor=actors.system(session))
    report = result(sessions, "no,type,name\nknown,person,A\nNEW,person,B\n")
    assert faults(report) == [(3, "no", "manual_number_not_allowed")]


def test_a_company_of_its_own_needs_its_column_to_become_a_company(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        make_company(session, no="C")
        make_contact(session, no="P", company_no="C")
    assert faults(result(sessions, "no,type\nP,company\n")) == [(2, "company_no", "invalid")]
    assert result(sessions, "no,type,company_no\nP,company,\n")["updated"] == 1


def test_an_exhausted_series_rejects_the_rows_without_number(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        values = {"code": "TINY", "starting_no": "T8"}
        number_series.create(session, values=values, actor=actors.system(session))
        setup.change(
            session, setup.get(session), values={"contact_nos": "TINY"}, actor=actors.system(session)
        )
    report = result(sessions, "no,type,name\n,person,A\n,person,B\n,person,C\nX,person,D\n")
    assert faults(report) == [(4, "no", "number_series_exhausted")]
    assert set(book(sessions)) == {"T8", "T9", "X"}


def test_only_the_first_thousand_rejected_rows_are_listed(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_import, "CHUNK", 500)
    report = result(sessions, "type,name\n" + "robot,R\n" * 1100)
    assert report["rejected"] == 1100
    assert [row["row"] for row in report["rejected_rows"]] == list(range(2, 1002))


# What is refused as a whole ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (b"", [("file", "required")]),
        (b"\n \n", [("file", "required")]),
        ("name,stadt\n".encode("utf-16"), [("file", "invalid")]),
        ("name,type,city\nA,person,K\u00f6ln\n".encode("latin-1"), [("file", "invalid")]),
        (b"name,type,town,boss\n", [("town", "unknown_field"), ("boss", "unknown_field")]),
        (b"name\n", [("type", "required")]),
        (b"city;phone\n", [("type", "required"), ("name", "required")]),
        (b"no,name,NAME\n", [("columns", "invalid")]),
        (b"no,name,erased\n", [("erased", "read_only")]),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_at_once(
    sessions: Sessions, file: bytes, expected: list[tuple[str, str]]
) -> None:
    assert refusal(sessions, file) == expected


def test_wrong_encoding_is_named_by_line_and_byte(sessions: Sessions) -> None:
    good = "no,name\n" + "A,Zoë\n" * 100
    with pytest.raises(Invalid) as refused:
        ask(sessions, good.encode() + b"B,Zo\xeb\n")
    assert refused.value.faults[0].params == {
        "reason": "not_utf8",
        "line": 102,
        "byte": len(good.encode()) + 5,
    }


def test_a_wrong_mapping_is_refused_naming_everything(sessions: Sessions) -> None:
    assert refusal(
        sessions,
        "name,a,a\n",
        mapping={"name": "nome", "city": "a", "colour": "name", "erased": "name", "email": "{name}@{host}"},
        defaults={"type": "robot", "size": "1", "no": "1", "name": "X"},
    ) == [
        ("mapping.name", "unknown"),
        ("mapping.city", "invalid"),
        ("mapping.colour", "unknown_field"),
        ("mapping.erased", "read_only"),
        ("mapping.email", "unknown"),
        ("defaults.type", "not_a_choice"),
        ("defaults.size", "unknown_field"),
        ("defaults.no", "read_only"),
        ("defaults.name", "invalid"),
    ]
    assert refusal(sessions, "name\nA\n", defaults={"type": "person", "salesperson_code": "NO"}) == [
        ("defaults.salesperson_code", "unknown")
    ]


def test_quotation_marks_in_disorder_refuse_the_job_and_nothing_goes_in(sessions: Sessions) -> None:
    described = run(sessions, 'type,name\nperson,A\nperson,"B\nperson,C\n')
    assert described["state"] == "refused"
    error = described["problem"]["errors"][0]
    assert (error["field"], error["code"], error["params"]) == (
        "file",
        "invalid",
        {"reason": "quotes", "row": 3},
    )
    assert book(sessions) == {}
    assert leftovers(sessions) == (0, 0)


def test_too_many_rows_refuse_the_job(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_import, "MOST_ROWS", 2)
    described = run(sessions, "type,name\n" + "person,A\n" * 3)
    assert (described["state"], described["problem"]["errors"][0]["code"]) == ("refused", "too_large")
    assert book(sessions) == {}


def test_numbers_without_a_series_are_refused_at_once(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        setup.change(session, setup.get(session), values={"contact_nos": None}, actor=actors.system(session))
    with pytest.raises(NumberSeriesMissing):
        ask(sessions, "type,name\nperson,A\n")


def test_a_header_alone_imports_nothing(sessions: Sessions) -> None:
    assert result(sessions, "type,name\n")["created"] == 0


# What must survive -----------------------------------------------------------------------------------------


def test_a_chunk_that_breaks_off_is_done_again_without_a_trace(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(sessions, "type,name,mailing_groups\n" + "person,A,X\n" * 5)
    work(sessions)
    write = contact_import.sql.load("import_write_contacts")
    broken = text(f"{write.text.rstrip()} WHERE 1 / (row_no - 2) > 0")
    load = contact_import.sql.load
    with monkeypatch.context() as patched:
        patched.setattr(
            contact_import.sql, "load", lambda name: broken if name == "import_write_contacts" else load(name)
        )
        work(sessions)
    with transaction(sessions) as session:
        failures = session.execute(text("SELECT error FROM job_chunk WHERE failures = 1")).scalars().all()
        assert failures == ["division by zero"]
    assert book(sessions) == {}
    drain(sessions)
    described = state_of(sessions, job)
    assert (described["state"], described["result"]["created"]) == ("succeeded", 5)
    assert sorted(book(sessions)) == [f"CT00000{number}" for number in range(1, 6)]


def test_two_engines_at_once_import_every_row_once(sessions: Sessions) -> None:
    rows = [f"C{number},company,Company,," for number in range(10)]
    rows += [f",person,Anna,C{number % 10},X|Y" for number in range(40)]
    job = ask(sessions, "no,type,name,company_no,mailing_groups\n" + "\n".join(reversed(rows)))
    errors: list[BaseException] = []

    def engine() -> None:
        try:
            while state_of(sessions, job)["finished_at"] is None:
                work(sessions)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=engine) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    report = state_of(sessions, job)["result"]
    assert (report["created"], report["rejected"]) == (50, 0)
    people = [one for one in book(sessions).values() if one["type"] == "person"]
    assert sorted(one["no"] for one in people) == [f"CT{number:06}" for number in range(1, 41)]
    assert all(one["company_no"] and one["mailing_groups"] == ["X", "Y"] for one in people)


def test_canceling_keeps_what_is_in_and_says_so(sessions: Sessions) -> None:
    job = ask(sessions, "type,name\n" + "person,A\n" * 5 + "robot,B\n")
    work(sessions)
    work(sessions)
    with transaction(sessions) as session:
        job_endings.request_cancel(session, jobs.get(session, job.id), actor=actors.system(session))
    drain(sessions)
    described = state_of(sessions, job)
    assert described["state"] == "canceled"
    assert (described["result"]["created"], described["result"]["kept"]) == (2, True)
    assert len(book(sessions)) == 2
    assert leftovers(sessions) == (0, 0)


def test_imports_queue_one_after_the_other(sessions: Sessions) -> None:
    ask(sessions, "no,type,name\nA,person,First\n")
    ask(sessions, "no,type,name\nA,person,Second\n")
    drain(sessions)
    assert book(sessions)["A"]["name"] == "Second"


def test_an_import_is_recorded_once_with_its_counts(sessions: Sessions) -> None:
    described = run(sessions, "type,name\nperson,A\nrobot,B\n")
    with transaction(sessions) as session:
        deeds = audit.page(session, filters={"action": ["import_contacts"]})
        assert [(deed.object_key, deed.changes) for deed in deeds] == [
            (described["id"], {"created": [None, 1], "updated": [None, 0], "rejected": [None, 1]})
        ]


# The reader ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_pieces_may_be_cut_anywhere(end: str, size: int) -> None:
    data = f'name,type{end}Zoë,person{end}"a{end}b",company{end}日本,person'.encode()
    layout = contact_file.find_layout("name,type", mapping=None, defaults=None)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    rows = list(contact_file.read(pieces, layout))
    assert [(row.no, row.values) for row in rows] == [
        (2, ["person", "Zoë"]),
        (3, ["company", f"a{end}b"]),
        (4, ["person", "日本"]),
    ]


@pytest.mark.skipif(not DATA.exists(), reason="the folder ../shared/data with real data is not there")
def test_real_organisations_go_in(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    file = gzip.decompress((DATA / "organisations_ror.csv.gz").read_bytes())
    with transaction(sessions) as session:
        job = contact_import.request(
            session,
            pieces=[file],
            actor=actors.system(session),
            mapping={
                "no": "ror_id",
                "name": "name",
                "country_code": "country_code",
                "city": "city",
                "language_code": "name_language",
            },
            defaults={"type": "company"},
        )
    drain(sessions)
    report = state_of(sessions, job)["result"]
    assert (report["created"], report["rejected"]) == (51_209, 161)
    assert {error["code"] for row in report["rejected_rows"] for error in row["errors"]} == {"too_long"}
