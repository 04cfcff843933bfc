"""Two at once: what one checked stays true until it has committed."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from domain import actors, contacts, interaction_groups, salespeople, template_setup, templates
from domain.database import make_engine, make_sessions, transaction
from domain.errors import InUse, Invalid, NotFound
from domain.templates import InTemplateSetup, InteractionTemplate
from tests.domain.makers import (
    faults_of,
    make_company,
    make_contact,
    make_entry,
    make_group,
    make_salesperson,
    make_template,
    wait_for_a_lock,
)

Deed = Callable[[Session], Any]


@pytest.fixture
def sessions(fresh_db: str) -> Iterator[sessionmaker[Session]]:
    """Sessions of a database of the test's own."""
    engine = make_engine(fresh_db, process="test", pool_size=3)
    yield make_sessions(engine)
    engine.dispose()


@contextmanager
def meanwhile(sessions: sessionmaker[Session], first: Deed, second: Deed) -> Iterator[Future[Any]]:
    """Do `first`, begin `second` in another transaction, and commit `first` once `second` waits for it."""

    def do_second() -> Any:
        with transaction(sessions) as session:
            return second(session)

    with ThreadPoolExecutor(1) as pool:
        with transaction(sessions) as session:
            first(session)
            future = pool.submit(do_second)
            wait_for_a_lock(session, future)
        yield future


def change_contact(no: str, **values: Any) -> Deed:
    return lambda session: contacts.change(
        session, contacts.get(session, no), values=values, actor=actors.system(session)
    )


def test_a_company_becomes_a_person_while_somebody_joins_it(sessions: sessionmaker[Session]) -> None:  # C1
    with transaction(sessions) as session:
        make_company(session, no="CO")
        make_contact(session, no="P")

    with meanwhile(
        sessions, change_contact("CO", type="person"), change_contact("P", company_no="CO")
    ) as joining:
        with pytest.raises(Invalid) as refused:
            joining.result()
        assert faults_of(refused) == {("company_no", "invalid")}


def test_somebody_joins_a_company_while_it_becomes_a_person(sessions: sessionmaker[Session]) -> None:  # C1
    with transaction(sessions) as session:
        make_company(session, no="CO")
        make_contact(session, no="P")

    with (
        meanwhile(
            sessions, change_contact("P", company_no="CO"), change_contact("CO", type="person")
        ) as becoming,
        pytest.raises(InUse),
    ):
        becoming.result()


def test_two_contacts_take_one_account(sessions: sessionmaker[Session]) -> None:  # C1
    with transaction(sessions) as session:
        make_contact(session, no="A")
        make_contact(session, no="B")
    account = [{"type": "customer", "no": "C1"}]
    other_case = [{"type": "vendor", "no": "1"}, {"type": "customer", "no": "c1"}]

    with meanwhile(
        sessions, change_contact("A", accounts=account), change_contact("B", accounts=other_case)
    ) as second:
        with pytest.raises(Invalid) as refused:
            second.result()
        assert faults_of(refused) == {("accounts.1.no", "account_taken")}


def test_two_make_the_same_code(sessions: sessionmaker[Session]) -> None:
    with meanwhile(
        sessions, lambda s: make_salesperson(s, "HR"), lambda s: make_salesperson(s, "hr")
    ) as second:
        with pytest.raises(Invalid) as refused:
            second.result()
        assert faults_of(refused) == {("code", "already_exists")}


def test_a_salesperson_is_deleted_while_a_contact_is_given_to_it(
    sessions: sessionmaker[Session],
) -> None:  # C1
    def delete(session: Session) -> None:
        salespeople.delete(session, salespeople.get(session, "HR"), actor=actors.system(session))

    with transaction(sessions) as session:
        make_salesperson(session, "HR")
        make_contact(session, no="A")

    with meanwhile(sessions, delete, change_contact("A", salesperson_code="HR")) as giving:
        with pytest.raises(Invalid) as refused:
            giving.result()
        assert faults_of(refused) == {("salesperson_code", "unknown")}


def test_a_contact_is_given_to_a_salesperson_while_it_is_deleted(
    sessions: sessionmaker[Session],
) -> None:  # C1
    def delete(session: Session) -> None:
        salespeople.delete(session, salespeople.get(session, "HR"), actor=actors.system(session))

    with transaction(sessions) as session:
        make_salesperson(session, "HR")
        make_contact(session, no="A")

    with (
        meanwhile(sessions, change_contact("A", salesperson_code="HR"), delete) as deleting,
        pytest.raises(InUse),
    ):
        deleting.result()


def test_a_thing_deleted_meanwhile_is_not_found(sessions: sessionmaker[Session]) -> None:
    def delete(session: Session) -> None:
        contacts.delete(session, contacts.get(session, "A"), actor=actors.system(session))

    with transaction(sessions) as session:
        make_contact(session, no="A")

    with meanwhile(sessions, delete, change_contact("A", name="B")) as changing, pytest.raises(NotFound):
        changing.result()


def give_languages(session: Session) -> None:
    template = templates.get(session, "BUS")
    values = {"languages": [{"language_code": "ENU"}]}
    templates.change(session, template, values=values, actor=actors.system(session))


def set_up(session: Session) -> None:
    template_setup.change(session, values={"sales_invoice": "BUS"}, actor=actors.system(session))


def test_a_template_is_set_up_while_it_gets_languages(sessions: sessionmaker[Session]) -> None:  # T4
    with transaction(sessions) as session:
        make_template(session)

    with meanwhile(sessions, set_up, give_languages) as giving, pytest.raises(InTemplateSetup):
        giving.result()


def test_a_template_gets_languages_while_it_is_set_up(sessions: sessionmaker[Session]) -> None:  # T4
    with transaction(sessions) as session:
        make_template(session)

    with meanwhile(sessions, give_languages, set_up) as setting_up:
        with pytest.raises(Invalid) as refused:
            setting_up.result()
        assert faults_of(refused) == {("sales_invoice", "in_template_setup")}


def test_a_template_enters_a_group_while_the_group_is_deleted(sessions: sessionmaker[Session]) -> None:  # T1
    def enter(session: Session) -> None:
        template = templates.get(session, "BUS")
        templates.change(session, template, values={"group_code": "NEW"}, actor=actors.system(session))

    def delete(session: Session) -> None:
        group = interaction_groups.get(session, "NEW")
        interaction_groups.delete(session, group, actor=actors.system(session))

    with transaction(sessions) as session:
        make_template(session)
        make_group(session, "NEW")

    with meanwhile(sessions, enter, delete) as deleting, pytest.raises(InUse):
        deleting.result()


def test_a_group_is_deleted_while_an_entry_is_made_with_a_wording_in_it(
    sessions: sessionmaker[Session],
) -> None:  # T3
    def delete(session: Session) -> None:
        group = interaction_groups.get(session, "OLD")
        interaction_groups.delete(session, group, actor=actors.system(session))

    with transaction(sessions) as session:
        make_group(session, "OLD")
        make_group(session, "NEW")
        template = make_template(session, group_code="OLD")
        old_version_id = template.version_id
        templates.change(session, template, values={"group_code": "NEW"}, actor=actors.system(session))
        make_contact(session, no="A")

    def log(session: Session) -> None:
        # It read the wording before the template left the group, and keeps the template from deletion.
        used = session.get_one(
            InteractionTemplate, template.id, with_for_update={"read": True, "key_share": True}
        )
        make_entry(session, contacts.get(session, "A"), used, template_version_id=old_version_id)

    with meanwhile(sessions, log, delete) as deleting, pytest.raises(InUse):
        deleting.result()
