"""The conventions of the API that hold for every path (API.md, Conventions)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.web.conftest import Client, faults_of

JSON = {"Content-Type": "application/json"}


def send(client: Client, data: bytes, **headers: str):
    return client("POST", "/salespeople", data=data, headers={**JSON, **headers})


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"code": "A", "code": "B"}',
        b'{"code": NaN}',
        b'{"code": Infinity}',
        b'{"code": -Infinity}',
        b'{"code": "\xff"}',
        b'{"code": ' + b"[" * 100_000,
        b'{"code": ' + b"1" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
    ],
)
def test_a_body_that_cannot_be_read_is_malformed(admin: Client, body: bytes) -> None:
    response = send(admin, body)
    assert response.status_code == 400
    assert response.content_type == "application/problem+json"
    assert response.json["code"] == "malformed"
    assert set(response.json) == {"type", "title", "status", "detail", "code", "errors"}


@pytest.mark.parametrize("body", [b"[]", b'"text"', b'"{}"', b"1", b"null", b"true"])
def test_a_body_that_is_no_object_is_not_valid(admin: Client, body: bytes) -> None:
    response = send(admin, body)
    assert response.status_code == 422
    assert faults_of(response) == [("", "invalid")]


def test_no_body_is_an_empty_object(admin: Client) -> None:
    response = admin.post("/salespeople")
    assert response.status_code == 422
    assert faults_of(response) == [("code", "required")]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""],
)
def test_another_media_type_is_refused(admin: Client, content_type: str) -> None:
    response = admin("POST", "/salespeople", data=b'{"code": "A"}', headers={"Content-Type": content_type})
    assert response.status_code == 415
    assert response.json["code"] == "unsupported_media_type"


def test_a_compressed_body_is_refused(admin: Client) -> None:
    assert send(admin, b"{}", **{"Content-Encoding": "gzip"}).status_code == 415


def test_a_body_too_large_is_refused(admin: Client) -> None:
    response = send(admin, b'{"name": "' + b"x" * (2 * 1024 * 1024) + b'"}')
    assert response.status_code == 413
    assert response.json["code"] == "body_too_large"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*"])
def test_a_client_that_takes_no_json_gets_406(viewer: Client, accept: str) -> None:
    response = viewer.get("/salespeople", headers={"Accept": accept})
    assert response.status_code == 406
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/*;q=0.5", "text/html, */*;q=0.1"])
def test_a_client_that_takes_json_is_answered(viewer: Client, accept: str) -> None:
    assert viewer.get("/salespeople", headers={"Accept": accept}).status_code == 200


def test_an_unknown_path_is_404(admin: Client) -> None:
    response = admin.get("/nothing-here")
    assert response.status_code == 404
    assert response.json["code"] == "not_found"


@pytest.mark.parametrize("code", ["NOBODY", "%00", "x" * 300, "%ED%A0%80"])
def test_a_thing_that_does_not_exist_is_404(admin: Client, code: str) -> None:
    response = admin.get(f"/salespeople/{code}")
    assert response.status_code == 404
    assert response.json["code"] == "not_found"


def test_a_method_that_does_not_exist_is_405_and_says_which_do(admin: Client) -> None:
    response = admin("DELETE", "/salespeople")
    assert response.status_code == 405
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))
    assert response.json["code"] == "method_not_allowed"


def test_all_faults_are_told_at_once(admin: Client) -> None:
    response = admin.post(
        "/interaction-templates",
        {
            "code": "WAY-TOO-LONG-A-CODE-FOR-US",
            "group_code": "NOWHERE",
            "unit_cost": -1,
            "unit_duration_min": 1_000_001,
            "information_flow": "sideways",
            "campaign_target": 1,
            "languages": [{"language_code": "EN"}, {"subject": "x" * 251}],
            "campaign_no": "NO\x00NE",
            "interactions_count": 3,
            "colour": "red",
        },
    )
    assert response.status_code == 422
    assert response.json["code"] == "invalid"
    assert faults_of(response) == [
        ("campaign_no", "invalid"),
        ("campaign_target", "invalid"),
        ("code", "too_long"),
        ("colour", "unknown_field"),
        ("group_code", "unknown"),
        ("information_flow", "not_a_choice"),
        ("interactions_count", "read_only"),
        ("languages.1.language_code", "required"),
        ("languages.1.subject", "too_long"),
        ("unit_cost", "negative"),
        ("unit_duration_min", "too_large"),
    ]


def test_a_refused_request_changes_nothing(admin: Client, unique: Callable[[str], str]) -> None:
    code = unique("SP")
    assert admin.post("/salespeople", {"code": code, "colour": "red"}).status_code == 422
    assert admin.get(f"/salespeople/{code}").status_code == 404


@pytest.mark.parametrize(
    "value",
    ["\ud800", "a\x00b", 5, True, ["A"], {"a": 1}],
    ids=["surrogate", "nul", "number", "yes", "list", "object"],
)
def test_a_text_is_a_text_that_can_be_kept(
    admin: Client, unique: Callable[[str], str], value: object
) -> None:
    response = admin.post("/salespeople", {"code": unique("SP"), "name": value})
    assert response.status_code == 422
    assert faults_of(response) == [("name", "invalid")]


@pytest.mark.parametrize("value", [1, 0, "true", "yes", 1.0])
def test_a_yes_is_no_number_and_no_text(admin: Client, unique: Callable[[str], str], value: object) -> None:
    response = admin.post("/salespeople", {"code": unique("SP"), "blocked": value})
    assert faults_of(response) == [("blocked", "invalid")]


@pytest.fixture(scope="module")
def group(app, tokens) -> str:
    from domain.actors import Role

    client = Client(app.test_client(), tokens[Role.ADMIN])
    assert client.post("/interaction-groups", {"code": "GROUP"}).status_code == 201
    return "GROUP"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("8.00", "8.00"),
        ("8", "8.00"),
        (8, "8.00"),
        (8.5, "8.50"),
        ("9999999999.99", "9999999999.99"),
        (0, "0.00"),
        (9999999999.99, "9999999999.99"),
        (0.1, "0.10"),
        (8.000, "8.00"),
        (None, "0.00"),
    ],
)
def test_amounts_are_shown_with_two_decimals(
    admin: Client, unique: Callable[[str], str], group: str, given: object, shown: str
) -> None:
    response = admin.post(
        "/interaction-templates", {"code": unique("T"), "group_code": group, "unit_cost": given}
    )
    assert response.status_code == 201, response.text
    assert response.json["unit_cost"] == shown


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("-1", "negative"),
        (-0.01, "negative"),
        ("10000000000", "too_large"),
        (1e30, "too_large"),
        ("8.001", "invalid"),
        (8.001, "invalid"),
        ("8,00", "invalid"),
        ("", "invalid"),
        (True, "invalid"),
        ("NaN", "invalid"),
        (" 8", "invalid"),
        ("1e3", "invalid"),
        ([], "invalid"),
        ("٨", "invalid"),
    ],
)
def test_amounts_that_cannot_be_kept_are_refused(
    admin: Client, unique: Callable[[str], str], group: str, given: object, code: str
) -> None:
    response = admin.post(
        "/interaction-templates", {"code": unique("T"), "group_code": group, "unit_cost": given}
    )
    assert faults_of(response) == [("unit_cost", code)]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (-1, "negative"),
        (1_000_001, "too_large"),
        (1.5, "invalid"),
        ("5", "invalid"),
        (True, "invalid"),
        (10**30, "too_large"),
        (1e300, "too_large"),
    ],
)
def test_minutes_are_whole(
    admin: Client, unique: Callable[[str], str], group: str, given: object, code: str
) -> None:
    response = admin.post(
        "/interaction-templates", {"code": unique("T"), "group_code": group, "unit_duration_min": given}
    )
    assert faults_of(response) == [("unit_duration_min", code)]


@pytest.mark.parametrize(
    "given", ["2026-02-30", "26-01-01", "2026-1-1", "01.02.2026", 20260101, "2026-01-01T00:00:00", ""]
)
def test_dates_are_iso_dates(admin: Client, given: object) -> None:
    response = admin.post("/campaigns", {"starting_date": given})
    assert faults_of(response) == [("starting_date", "invalid")]


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("foo=1", ("query.foo", "unknown_field")),
        ("limit=0", ("query.limit", "invalid")),
        ("limit=1001", ("query.limit", "too_large")),
        ("limit=-1", ("query.limit", "invalid")),
        ("limit=ten", ("query.limit", "invalid")),
        ("limit=1&limit=2", ("query.limit", "invalid")),
        ("include=everything", ("query.include", "not_a_choice")),
        ("blocked=maybe", ("query.blocked", "not_a_choice")),
        ("date_from=yesterday", ("query.date_from", "invalid")),
        ("q=%00", ("query.q", "invalid")),
    ],
)
def test_query_parameters_are_checked(viewer: Client, query: str, fault: tuple[str, str]) -> None:
    response = viewer.get(f"/salespeople?{query}")
    assert response.status_code == 422
    assert faults_of(response) == [fault]


def test_query_parameters_where_there_are_none_are_unknown(viewer: Client, admin: Client) -> None:
    assert faults_of(viewer.get("/me?a=1&b=2")) == [
        ("query.a", "unknown_field"),
        ("query.b", "unknown_field"),
    ]
    assert faults_of(admin.post("/salespeople?a=1", {"code": "X"})) == [("query.a", "unknown_field")]


def test_messages_follow_the_language_and_codes_do_not(admin: Client) -> None:
    english = admin.post("/salespeople", {}, headers={"Accept-Language": "en"})
    assert english.json["errors"][0]["message"] == "Code must be given."
    assert english.json["errors"][0]["code"] == "required"


def test_every_answer_has_security_headers_and_a_request_id(viewer: Client) -> None:
    for path in ("/salespeople", "/nothing-here"):
        headers = viewer.get(path, headers={"X-Request-ID": "abc-123"}).headers
        assert headers["X-Request-ID"] == "abc-123"
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"].lower() == "deny"
        assert "Strict-Transport-Security" not in headers


def test_instants_are_utc(admin: Client, unique: Callable[[str], str]) -> None:
    response = admin.post(
        "/tokens", {"name": unique("t"), "role": "viewer", "expires_at": "2099-03-10T14:23:00+02:00"}
    )
    assert response.status_code == 201, response.text
    assert response.json["expires_at"] == "2099-03-10T12:23:00Z"
    refused = admin.post("/tokens", {"name": "t", "role": "viewer", "expires_at": "2099-03-10T14:23:00"})
    assert faults_of(refused) == [("expires_at", "invalid")]


@pytest.mark.parametrize(
    ("where", "after", "code"),
    [
        ("/interactions", "99999999999999999999", "invalid"),
        ("/interactions?sort=date", "1", "invalid"),
        ("/interactions?sort=date", "2026-02-30~1", "invalid"),
        ("/logged-segments", "99999999999", "too_large"),
        ("/tokens", "x", "invalid"),
        ("/jobs", "x", "invalid"),
        ("/jobs", "00000000-0000-0000-0000-000000000001", "unknown"),
    ],
)
def test_a_place_in_a_list_is_checked(admin: Client, where: str, after: str, code: str) -> None:
    path, _, query = where.partition("?")
    response = admin.get(f"{path}?{query}&after={after}" if query else f"{path}?after={after}")
    assert response.status_code == 422
    assert faults_of(response) == [("query.after", code)]


def test_an_etag_does_not_depend_on_the_order_of_an_object_s_keys() -> None:
    """PostgreSQL gives the keys of an object back in an order of its own."""
    from web.api.replies import etag

    assert etag({"filters": {"a": 1, "b": 2}}, ["filters"]) == etag(
        {"filters": {"b": 2, "a": 1}}, ["filters"]
    )
