"""Numbers: given in order, once, by hand only where allowed (N1 to N3)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from domain import actors, contacts, number_series, setup
from domain.actors import Actor
from domain.database import make_engine, make_sessions, transaction
from domain.errors import Faults, Invalid, NotFound
from domain.number_series import NumberSeriesExhausted, NumberSeriesMissing
from tests.domain.makers import (
    faults_of,
    make_campaign,
    make_logged_segment,
    make_segment,
    make_series,
    wait_for_a_lock,
)


def use(session: Session, **series: str | None) -> None:
    """Name series in the setup."""
    setup.change(session, setup.get(session), values=series, actor=actors.system(session))


def test_a_fresh_service_numbers_segments_contacts_and_campaigns(session: Session) -> None:  # N1
    assert number_series.next_no(session, field="segment_nos") == "SM00001"
    assert number_series.next_no(session, field="contact_nos") == "CT000001"
    assert number_series.next_no(session, field="campaign_nos") == "CP0001"
    assert setup.describe(session, setup.get(session))["segment_nos"] == "SEGMENT"


def test_numbers_follow_each_other_by_the_increment(session: Session) -> None:  # N1
    make_series(session, "TENS", starting_no="К-010", increment=10)
    use(session, contact_nos="tens")

    assert number_series.next_nos(session, field="contact_nos", count=3) == ["К-010", "К-020", "К-030"]
    assert number_series.next_no(session, field="contact_nos") == "К-040"
    assert number_series.get(session, "TENS").last_no_used == "К-040"


def test_a_number_that_is_held_is_skipped_whatever_its_case(session: Session) -> None:  # N3
    make_campaign(session, no="cp0002")

    assert number_series.next_nos(session, field="campaign_nos", count=3) == ["CP0001", "CP0003", "CP0004"]


def test_numbers_of_segments_logged_and_open_are_held_those_of_hidden_ones_not(
    session: Session,
) -> None:  # N3, L2
    make_segment(session, "SM00001")
    make_logged_segment(session, "SM00002")
    make_segment(session, "SM00003", status="hidden")

    assert number_series.next_no(session, field="segment_nos") == "SM00003"


def test_whoever_asks_can_say_what_is_held(session: Session) -> None:
    given = number_series.next_nos(
        session, field="contact_nos", count=2, taken=lambda session, nos: {"CT000001"} & set(nos)
    )

    assert given == ["CT000002", "CT000003"]


def test_past_the_digits_nothing_is_given_out(session: Session) -> None:  # N3
    series = make_series(session, "SHORT", starting_no="S8")
    use(session, contact_nos="SHORT")

    with pytest.raises(NumberSeriesExhausted) as refused:
        number_series.next_nos(session, field="contact_nos", count=3)
    assert faults_of(refused) == {("contact_nos", "number_series_exhausted")}
    assert series.last_no_used is None
    assert number_series.next_nos(session, field="contact_nos", count=2) == ["S8", "S9"]
    with pytest.raises(NumberSeriesExhausted):
        number_series.check_available(session, field="contact_nos")


def test_without_a_series_the_refusal_names_the_setup_field(session: Session) -> None:  # N1
    use(session, campaign_nos=None)

    with pytest.raises(NumberSeriesMissing) as refused:
        make_campaign(session, description="Event")
    assert faults_of(refused) == {("campaign_nos", "number_series_missing")}
    with pytest.raises(NumberSeriesMissing):
        number_series.check_available(session, field="campaign_nos")


def test_looking_whether_there_is_a_number_does_not_use_it(session: Session) -> None:  # L2
    number_series.check_available(session, field="segment_nos")

    assert number_series.next_no(session, field="segment_nos") == "SM00001"


def test_a_number_by_hand_needs_a_series_that_allows_it(session: Session, actor: Actor) -> None:  # N2
    series = number_series.get(session, "CAMPAIGN")
    assert make_campaign(session, no="Spring-26").no == "Spring-26"
    number_series.change(session, series, values={"allow_manual": False}, actor=actor)

    with pytest.raises(Invalid) as refused:
        make_campaign(session, no="Autumn-26")
    assert faults_of(refused) == {("no", "manual_number_not_allowed")}


def test_a_number_by_hand_can_be_used_again_once_nothing_holds_it(
    session: Session, actor: Actor
) -> None:  # N3
    contact = contacts.create(session, values={"no": "X1", "type": "person", "name": "A"}, actor=actor)
    contacts.delete(session, contact, actor=actor)

    again = contacts.create(session, values={"no": "x1", "type": "person", "name": "B"}, actor=actor)
    assert again.no == "x1"


def test_a_number_given_out_is_not_given_out_again_after_a_deletion(
    session: Session, actor: Actor
) -> None:  # N3
    first = contacts.create(session, values={"type": "person", "name": "A"}, actor=actor)
    contacts.delete(session, first, actor=actor)

    assert number_series.next_no(session, field="contact_nos") == "CT000002"


@pytest.mark.parametrize("starting_no", ["SM", "12-", "SM0001 ", "", None])
def test_a_starting_number_ends_in_digits(session: Session, starting_no: str | None) -> None:
    with pytest.raises(Invalid) as refused:
        make_series(session, "NEW", starting_no=starting_no)
    assert {field for field, _ in faults_of(refused)} == {"starting_no"}


@pytest.mark.parametrize("last_no_used", ["S001", "T05", "S", "S00"])
def test_the_last_number_used_has_the_shape_of_the_starting_number(
    session: Session, last_no_used: str
) -> None:
    with pytest.raises(Invalid) as refused:
        make_series(session, "NEW", starting_no="S01", last_no_used=last_no_used)
    assert faults_of(refused) == {("last_no_used", "invalid")}


def test_the_last_number_used_goes_up_and_not_down(session: Session, actor: Actor) -> None:  # N3
    series = make_series(session, starting_no="S01", last_no_used="S05")
    number_series.change(session, series, values={"last_no_used": "S07"}, actor=actor)
    assert series.last_no_used == "S07"

    for last_no_used, code in (("S06", "invalid"), (None, "required")):
        with pytest.raises(Invalid) as refused:
            number_series.change(session, series, values={"last_no_used": last_no_used}, actor=actor)
        assert faults_of(refused) == {("last_no_used", code)}
    assert series.last_no_used == "S07"


def test_the_starting_number_stays_once_a_number_was_given_out(session: Session, actor: Actor) -> None:  # N3
    series = make_series(session, starting_no="S01")
    number_series.change(session, series, values={"starting_no": "T001"}, actor=actor)
    number_series.change(session, series, values={"last_no_used": "T001"}, actor=actor)

    with pytest.raises(Invalid) as refused:
        number_series.change(session, series, values={"starting_no": "S01"}, actor=actor)
    assert faults_of(refused) == {("starting_no", "read_only")}


def test_all_faults_of_a_series_are_told_at_once(session: Session) -> None:
    with pytest.raises(Invalid) as refused:
        make_series(
            session, "segment", starting_no="S", increment=0, allow_manual=None, description="x" * 101
        )
    assert faults_of(refused) == {
        ("code", "already_exists"),
        ("starting_no", "invalid"),
        ("increment", "invalid"),
        ("description", "too_long"),
    }


def test_a_series_is_found_ignoring_case(session: Session) -> None:
    assert number_series.get(session, "segment").code == "SEGMENT"
    with pytest.raises(NotFound):
        number_series.get(session, "nothing")


def test_two_at_once_get_different_numbers(fresh_db: str) -> None:  # N1
    sessions = make_sessions(make_engine(fresh_db, process="test", pool_size=4))

    def take_five(_: int) -> list[str]:
        taken = []
        for _ in range(5):
            with transaction(sessions) as session:
                taken += number_series.next_nos(session, field="contact_nos", count=2)
        return taken

    with ThreadPoolExecutor(4) as pool:
        given = [no for nos in pool.map(take_five, range(4)) for no in nos]

    assert sorted(given) == [f"CT{n:06}" for n in range(1, 41)]
    sessions.kw["bind"].dispose()


def test_a_number_typed_by_hand_at_the_same_time_is_passed_over(fresh_db: str) -> None:  # N3
    sessions = make_sessions(make_engine(fresh_db, process="test", pool_size=2))

    def create(values: dict[str, str]) -> str:
        with transaction(sessions) as session:
            values = {"type": "person", "name": "A", **values}
            return contacts.create(session, values=values, actor=actors.system(session)).no

    with ThreadPoolExecutor(1) as pool:
        with transaction(sessions) as by_hand:
            values = {"no": "ct000001", "type": "person", "name": "B"}
            contacts.create(by_hand, values=values, actor=actors.system(by_hand))
            numbered = pool.submit(create, {})
            wait_for_a_lock(by_hand, numbered)
        assert numbered.result() == "CT000002"
    sessions.kw["bind"].dispose()


def test_manual_numbers_are_free_without_a_series(session: Session) -> None:  # N2
    use(session, contact_nos=None)
    faults = Faults()

    number_series.check_manual(session, field="contact_nos", no="A1", faults=faults)
    assert not faults
