"""Import of contacts through the API (API.md, /contacts/import; C1, C3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from domain.actors import Role
from domain.errors import Invalid
from domain.settings import Settings
from tests.web.conftest import Client, faults_of
from web import create_app

Unique = Callable[[str], str]
CSV = {"Content-Type": "text/csv"}


def send(client: Client, data: bytes, query: str = "", **headers: str) -> Any:
    return client("POST", f"/contacts/import{query}", data=data, headers={**CSV, **headers})


def test_contacts_come_in_from_a_file(marketing: Client, unique: Unique, do_jobs: Callable[[], None]) -> None:
    first, second = unique("I"), unique("I")
    file = f"no;type;name;mailing_groups\n{first};company;Крона;A|B\n{second};robot;X;\n"
    asked = send(marketing, b"\xef\xbb\xbf" + file.encode())
    assert asked.status_code == 202, asked.text
    do_jobs()
    job = marketing.get(f"/jobs/{asked.json['id']}").json
    assert job["state"] == "succeeded", job
    result = job["result"]
    assert (result["created"], result["updated"], result["rejected"]) == (1, 0, 1)
    assert result["rejected_rows"][0]["no"] == second
    made = marketing.get(f"/contacts/{first}").json
    assert (made["name"], made["mailing_groups"]) == ("Крона", ["A", "B"])


def test_columns_are_mapped_and_defaulted(
    marketing: Client, unique: Unique, do_jobs: Callable[[], None]
) -> None:
    no = unique("I")
    asked = send(
        marketing,
        f"id,organisation\n{no},Cronus\n".encode(),
        "?map=no=id&map=name=organisation&default=type=company",
    )
    assert asked.status_code == 202, asked.text
    do_jobs()
    assert marketing.get(f"/contacts/{no}").json["name"] == "Cronus"
    assert faults_of(send(marketing, b"x", "?map=name")) == [("query.map", "invalid")]


@pytest.mark.parametrize(
    "data",
    [b"", b"no,shoe_size\n1,44\n", "no,type,name\nA,company,Größe".encode("latin-1"), b"name,name\nA,B\n"],
)
def test_a_file_that_cannot_be_read_is_refused_and_not_kept(
    marketing: Client, sessions: Any, data: bytes
) -> None:
    refused = send(marketing, data)
    assert refused.status_code == 422, refused.text
    with sessions() as session:
        assert session.execute(text("SELECT count(*) FROM job_file")).scalar() == 0


def test_a_file_is_csv(marketing: Client) -> None:
    refused = marketing("POST", "/contacts/import", data=b"{}", headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json["code"]) == (415, "unsupported_media_type")


def test_a_file_too_large_is_refused(settings: Settings, tokens: Any) -> None:
    small = create_app(settings.model_copy(update={"max_body_bytes": 1000}))
    refused = send(Client(small.test_client(), tokens[Role.MARKETING]), b"no,type,name\n" + b"x" * 1000)
    assert (refused.status_code, refused.json["code"]) == (413, "body_too_large")
    small.extensions["database"].close()


def test_the_same_file_under_a_key_is_one_job(marketing: Client, unique: Unique) -> None:
    """J2"""
    file, key = f"no,type,name\n{unique('I')},company,A\n".encode(), unique("key")
    first, second = (send(marketing, file, **{"Idempotency-Key": key}) for _ in range(2))
    assert first.status_code == second.status_code == 202
    assert first.data == second.data
    other = send(marketing, file + b"x", **{"Idempotency-Key": key})
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def test_a_large_file_is_never_in_memory(marketing: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes through a temporary file, a megabyte at a time."""
    from domain import contact_import

    sizes: list[int] = []

    def request(_session: Any, *, pieces: Any, **_options: Any) -> Any:
        sizes.extend(len(piece) for piece in pieces)
        raise Invalid([])

    monkeypatch.setattr(contact_import, "request", request)
    send(marketing, b"x" * (3 * 1024 * 1024 + 1))
    assert sizes == [1024 * 1024] * 3 + [1]
