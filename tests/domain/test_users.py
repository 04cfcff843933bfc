"""Users, sign-in and tokens (U1, U2)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, audit, tokens, users
from domain.actors import Actor, Role
from domain.database import make_engine, make_sessions, transaction
from domain.errors import Invalid, NotFound
from domain.users import AppUser, LastAdmin
from tests.domain.makers import faults_of, make_salesperson

PASSWORD = "correct horse"


def make_user(session: Session, name: str = "Anna", role: str = "admin", **values: object) -> AppUser:
    return users.create_user(
        session, values={"name": name, "role": role, **values}, actor=actors.system(session)
    )


def columns_holding(session: Session, secret: str) -> list[str]:
    """Say which tables hold a secret anywhere."""
    tables = ("app_user", "api_token", "audit", "actor")
    found = "SELECT EXISTS (SELECT FROM {0} WHERE {0}::text LIKE '%' || :secret || '%')"
    return [table for table in tables if session.scalar(text(found.format(table)), {"secret": secret})]


@pytest.mark.parametrize(
    ("role", "included"),
    [
        (Role.VIEWER, {Role.VIEWER}),
        (Role.SALESPERSON, {Role.VIEWER, Role.SALESPERSON}),
        (Role.MARKETING, {Role.VIEWER, Role.SALESPERSON, Role.MARKETING}),
        (Role.ADMIN, {Role.VIEWER, Role.SALESPERSON, Role.MARKETING, Role.ADMIN}),
        (Role.SERVICE, {Role.SERVICE}),
    ],
)
def test_a_role_includes_the_ones_before_and_service_only_itself(
    role: Role, included: set[Role]
) -> None:  # U1
    assert {other for other in Role if role.includes(other)} == included


def test_a_user_is_made_described_and_acts(session: Session) -> None:  # U1, U2
    salesperson = make_salesperson(session, "HR")
    user = make_user(
        session,
        "Anna.K",
        "marketing",
        display_name="Анна",
        email="a@b.c",
        salesperson_code="hr",
        language_code="ru",
        timezone="Europe/Moscow",
    )

    assert users.describe(session, [users.get(session, "anna.k")]) == [
        {
            "name": "Anna.K",
            "display_name": "Анна",
            "email": "a@b.c",
            "role": "marketing",
            "salesperson_code": "HR",
            "language_code": "ru",
            "timezone": "Europe/Moscow",
            "active": True,
        }
    ]
    assert users.actor_of(session, user) == Actor(
        id=user.actor_id,
        name="Anna.K",
        role=Role.MARKETING,
        salesperson_id=salesperson.id,
        language_code="ru",
        timezone="Europe/Moscow",
        user_id=user.id,
    )


def test_all_faults_are_told_at_once_and_a_password_never(session: Session) -> None:
    make_user(session, "anna")
    with pytest.raises(Invalid) as refused:
        make_user(
            session,
            "ANNA",
            "king",
            email="x",
            salesperson_code="NONE",
            language_code="de",
            timezone="Mars/Olympus",
            active=None,
            password="too short",
        )
    assert faults_of(refused) == {
        ("name", "already_exists"),
        ("role", "not_a_choice"),
        ("email", "invalid"),
        ("salesperson_code", "unknown"),
        ("language_code", "not_a_choice"),
        ("timezone", "unknown"),
        ("active", "required"),
        ("password", "invalid"),
    }
    assert "too short" not in str(refused.value.faults)


def test_name_and_role_are_required_and_the_system_keeps_its_name(session: Session, actor: Actor) -> None:
    with pytest.raises(Invalid) as refused:
        users.create_user(session, values={}, actor=actor)
    assert faults_of(refused) == {("name", "required"), ("role", "required")}
    for make in (users.create_user, users.create_token):
        with pytest.raises(Invalid) as refused:
            make(session, values={"name": "System", "role": "admin"}, actor=actor)
        assert faults_of(refused) == {("name", "already_exists")}


def test_the_right_password_signs_in(session: Session, actor: Actor) -> None:  # U1
    user = make_user(session, password=PASSWORD)
    without = make_user(session, "link-only")

    assert users.by_password(session, name="ANNA", password=PASSWORD) is user
    assert users.by_password(session, name="anna", password=PASSWORD + " ") is None
    assert users.by_password(session, name="anna", password="") is None
    assert users.by_password(session, name="nobody", password=PASSWORD) is None
    assert users.by_password(session, name="a\0", password="\ud800") is None
    assert users.by_password(session, name=without.name, password="") is None
    users.change_user(session, without, values={"active": False, "password": PASSWORD}, actor=actor)
    assert users.by_password(session, name=without.name, password=PASSWORD) is None


def test_secrets_are_kept_nowhere_in_clear(session: Session, actor: Actor) -> None:  # U1
    user = make_user(session, password=PASSWORD)
    users.change_user(session, user, values={"password": PASSWORD + "2"}, actor=actor)
    link = users.create_sign_in_link(session, user)
    _, secret = users.create_token(session, values={"name": "billing", "role": "service"}, actor=actor)

    for kept in (PASSWORD, link, secret):
        assert columns_holding(session, kept) == []
    actions = [row.action for row in audit.page(session, filters={"object_type": ["user"]})]
    assert actions == ["create_sign_in_link", "change_password", "create"]


def test_a_new_password_and_deactivation_end_all_sessions(session: Session, actor: Actor) -> None:
    make_user(session, "other")
    user = make_user(session)

    epochs = [user.session_epoch]
    for values in ({"display_name": "A"}, {"password": PASSWORD}, {"active": False}, {"active": False}):
        users.change_user(session, user, values=values, actor=actor)
        epochs.append(user.session_epoch)
    assert epochs == [0, 0, 1, 2, 2]
    users.end_sessions(session, user)
    assert user.session_epoch == 3


def test_the_last_administrator_stays_one(session: Session, actor: Actor) -> None:
    make_user(session, "away", active=False)
    user = make_user(session)

    for values in ({"active": False}, {"role": "marketing"}):
        with pytest.raises(LastAdmin) as refused:
            users.change_user(session, user, values=values, actor=actor)
        assert faults_of(refused) == {(next(iter(values)), "last_admin")}
    other = make_user(session, "other")
    users.change_user(session, user, values={"role": "viewer"}, actor=actor)
    with pytest.raises(LastAdmin):
        users.change_user(session, other, values={"active": False}, actor=actor)


def test_two_administrators_cannot_take_the_role_from_each_other_at_once(fresh_db: str) -> None:
    sessions = make_sessions(make_engine(fresh_db, process="test", pool_size=2))
    with transaction(sessions) as session:
        for name in ("anna", "boris"):
            make_user(session, name)

    def demote(name: str) -> bool:
        try:
            with transaction(sessions) as session:
                user = users.get(session, name)
                users.change_user(session, user, values={"role": "viewer"}, actor=actors.system(session))
        except LastAdmin:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, ("anna", "boris"))) == [False, True]
    sessions.kw["bind"].dispose()


def test_a_sign_in_link_works_once_and_the_newest_only(session: Session) -> None:
    user = make_user(session)
    first = users.create_sign_in_link(session, user)
    second = users.create_sign_in_link(session, user)

    assert users.use_sign_in_link(session, token=first) is None
    assert users.use_sign_in_link(session, token=second) is user
    assert users.use_sign_in_link(session, token=second) is None
    assert users.use_sign_in_link(session, token="\ud800") is None


def test_a_sign_in_link_expires_after_a_day_and_with_its_user(session: Session, actor: Actor) -> None:
    make_user(session, "other")
    user = make_user(session)
    link = users.create_sign_in_link(session, user)
    left = text(
        "SELECT sign_in_link_expires_at - now() = interval '24 hours' FROM app_user WHERE name = 'Anna'"
    )
    assert session.scalar(left)
    session.execute(text("UPDATE app_user SET sign_in_link_expires_at = now()"))
    assert users.use_sign_in_link(session, token=link) is None

    link = users.create_sign_in_link(session, user)
    users.change_user(session, user, values={"active": False}, actor=actor)
    users.change_user(session, user, values={"active": True}, actor=actor)
    assert users.use_sign_in_link(session, token=link) is None


def test_a_token_acts_under_its_name_with_its_role(session: Session, actor: Actor) -> None:  # U1
    salesperson = make_salesperson(session, "HR")
    values = {"name": "billing", "role": "service", "salesperson_code": "hr"}
    token, secret = users.create_token(session, values=values, actor=actor)

    found = users.by_token(session, token=secret)
    assert found == Actor(id=token.actor_id, name="billing", role=Role.SERVICE, salesperson_id=salesperson.id)
    shape = tokens.describe(session, [token])[0]
    assert {
        field: shape[field] for field in ("name", "role", "salesperson_code", "expires_at", "created_by")
    } == {
        "name": "billing",
        "role": "service",
        "salesperson_code": "HR",
        "expires_at": None,
        "created_by": "system",
    }


def test_tokens_of_one_name_share_the_name_and_each_has_its_life(session: Session, actor: Actor) -> None:
    values = {"name": "billing", "role": "service"}
    old, old_secret = users.create_token(session, values=values, actor=actor)
    new, new_secret = users.create_token(session, values={**values, "name": "Billing"}, actor=actor)
    users.revoke_token(session, old, actor=actor)

    assert users.by_token(session, token=old_secret) is None
    found = users.by_token(session, token=new_secret)
    assert found is not None
    assert (found.id, found.name) == (old.actor_id, "billing")
    assert tokens.page(session) == [new]
    with pytest.raises(NotFound):
        tokens.get(session, old.id)
    with pytest.raises(NotFound):
        users.revoke_token(session, old, actor=actor)
    assert users.by_token(session, token="nonsense") is None
    assert users.by_token(session, token="\ud800") is None


def test_a_token_expires(session: Session, actor: Actor) -> None:
    values = {"name": "billing", "role": "service", "expires_at": datetime(2999, 1, 1, tzinfo=UTC)}
    token, secret = users.create_token(session, values=values, actor=actor)
    assert users.by_token(session, token=secret) is not None
    token.expires_at = session.scalar(text("SELECT now()"))
    session.flush()
    assert users.by_token(session, token=secret) is None


def test_all_faults_of_a_token_are_told_at_once(session: Session, actor: Actor) -> None:
    values = {
        "name": "my token",
        "role": None,
        "salesperson_code": "NONE",
        "expires_at": datetime(2020, 1, 1, tzinfo=UTC),
        "token": "mine",
    }
    with pytest.raises(Invalid) as refused:
        users.create_token(session, values=values, actor=actor)
    assert faults_of(refused) == {
        ("name", "invalid"),
        ("role", "required"),
        ("salesperson_code", "unknown"),
        ("expires_at", "invalid"),
        ("token", "unknown_field"),
    }


def test_users_are_listed_by_name_and_filtered(session: Session, actor: Actor) -> None:
    make_user(session, "boris", "viewer", active=False)
    make_user(session, "Anna")

    def listed(**filters: list[str]) -> list[str]:
        return [user.name for user in users.page(session, filters=filters)]

    assert listed() == ["Anna", "boris"]
    assert listed(role=["viewer"]) == ["boris"]
    assert listed(active=["true"]) == ["Anna"]
    assert listed(q=["NN"]) == ["Anna"]
