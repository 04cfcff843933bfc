"""Contacts come in from the command line, with or without running workers."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.database import make_engine
from ops.cli import main
from ops.commands import ROOT

DATA = ROOT.parent / "shared" / "data"
needs_data = pytest.mark.skipif(
    not DATA.exists(), reason="the folder ../shared/data with real data is not there"
)


@pytest.fixture
def opened(fresh_db: str) -> Iterator[Session]:
    engine = make_engine(fresh_db, process="test")
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.fixture(autouse=True)
def database(fresh_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", fresh_db)


def run(file: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["import", "contacts", str(file), *options])


def count(session: Session, condition: str = "true") -> int:
    return int(session.execute(text(f"SELECT count(*) FROM contact WHERE {condition}")).scalar_one())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def test_a_file_goes_in_and_rejected_rows_are_told_in_plain_words(file: Path, opened: Session) -> None:
    file.write_text(
        "no,type,name,company_no\nC1,company,Cane,\nP1,person,Anna,C1\nP2,person,Bell,NONE\n"
        f"P1,person,Again,\nP3,person\n,robot,{'x' * 101},\n"
    )
    told = run(file)
    assert told.exit_code == 0, told.output
    assert told.output.splitlines()[-5:] == [
        "2 created, 0 updated, 4 rejected",
        "  row 4 (P2): Company: there is no “NONE”",
        "  row 5 (P1): No.: “P1” stands on row 3 already",
        "  row 6 (P3): The row has 2 cells, but the header has 4",
        "  row 7: Type: “robot” is none of the choices; Name is too long; at most 100 are allowed",
    ]
    assert count(opened) == 2


def test_a_packed_file_is_mapped_and_composed(file: Path, opened: Session) -> None:
    packed = file.with_name("people.csv.gz")
    packed.write_bytes(gzip.compress(b"id;first;last;town\n7;Anna;Moon;Leeds\n"))
    told = run(packed, "--map", "no=K{id},name={last}, {first}", "--map", "city=town", "--set", "type=person")
    assert told.exit_code == 0, told.output
    assert opened.execute(text("SELECT no, name, city, type FROM contact")).all() == [
        ("K7", "Moon, Anna", "Leeds", "person")
    ]


def test_many_rejected_rows_are_cut_short(file: Path) -> None:
    file.write_text("type,name\n" + "person,\n" * 30)
    assert run(file).output.splitlines()[-1] == "  and 10 more"


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        (b"", [], "people.csv is refused: The file is empty"),
        (
            b"no,name\nA,Zo\xeb\n",
            [],
            "The file is not UTF-8: line 2, byte 13; save it as UTF-8 and try again",
        ),
        (b"no,colour\n", [], "There is no field “colour” here"),
        (b"name\n", [], "Type must be given"),
        (b"no\n", ["--map", "no=id"], "No.: the file has no column “id”"),
        (b"no\n", ["--map", "colour=no"], "colour is no field of a contact that can be imported"),
        (b"no,type\n", ["--set", "type=person"], "Type is both a column and set to one value"),
        (
            b'no,name\nA,"x" y\n',
            [],
            "the import was refused: The quotation marks of row 2 are not in order, so nobody knows where that row "
            "ends; 0 contacts were made and 0 changed before that",
        ),
        (b"\x1f\x8bno gzip", [], "cannot be read"),
    ],
)
def test_what_cannot_be_imported_is_said_in_one_line(
    file: Path, content: bytes, options: list[str], reason: str, opened: Session
) -> None:
    file.write_bytes(content)
    told = run(file, *options)
    assert told.exit_code == 1
    assert told.output.splitlines()[-1].startswith("Error: ")
    assert reason in told.output
    assert count(opened) == 0


@needs_data
def test_real_organisations_go_in_and_come_in_again_as_updates(opened: Session) -> None:
    columns = "no=ror_id,name=name,country_code=country_code,city=city,language_code=name_language"
    options = ["--map", columns, "--set", "type=company"]
    first = run(DATA / "organisations_ror.csv.gz", *options)
    assert "51,209 created, 0 updated, 161 rejected" in first.output
    assert "  and 141 more" in first.output
    assert count(opened, "type = 'company'") == 51_209
    again = run(DATA / "organisations_ror.csv.gz", *options)
    assert "0 created, 51,209 updated, 161 rejected" in again.output


@needs_data
def test_real_persons_without_names_go_in_beside_them(opened: Session) -> None:
    """The file has numbers and jobs only: a prefix keeps the numbers apart from those of other sources."""
    columns = "no=BANK{contact_no},name={job} {contact_no},job_responsibilities=job"
    told = run(DATA / "bank_marketing_contacts.csv.gz", "--map", columns, "--set", "type=person")
    assert "45,211 created, 0 updated, 0 rejected" in told.output
    assert opened.execute(text("SELECT name FROM contact WHERE no = 'BANK2'")).scalar() == "technician 2"


@needs_data
def test_real_people_find_their_companies(opened: Session) -> None:
    """Companies stand anywhere in this file; 88 rows name a customer or vendor where a company should be."""
    columns = "no=no,type=type,name=name,company_no=company_link,city=city,country_code=country_code"
    told = run(DATA / "cronus_contacts.csv", "--map", columns)
    assert "193 created, 0 updated, 88 rejected" in told.output
    assert count(opened, "company_id IS NOT NULL") == 162
