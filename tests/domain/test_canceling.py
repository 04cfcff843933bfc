"""Cancel and restore of entries, logged segments and campaign entries (E2, E3, E4, U1)."""

from collections.abc import Iterator

import pytest

from domain import actors, campaign_entries, canceling, logged_segments
from domain.actors import Role
from domain.errors import Conflict, Forbidden, NotFound

from .engine_helpers import sessions_on
from .log_world import LogWorld


@pytest.fixture
def world(fresh_db: str) -> Iterator[LogWorld]:
    with sessions_on(fresh_db) as sessions:
        yield LogWorld(sessions)


def test_restoring_a_logged_segment_brings_back_exactly_what_its_cancel_took(world: LogWorld) -> None:  # E3
    no = world.logged(4, campaign_no=world.campaign())
    first, second, third, fourth = world.entry_nos(no)
    world.cancel_entry(second)
    assert world.active() == [first, third, fourth]

    world.cancel_segment(no)
    assert world.active() == []
    world.cancel_entry(third)  # below a canceled segment, by itself: it outlives the restore

    world.restore_segment(no)
    assert world.active() == [first, fourth]
    world.restore_entry(second)
    assert world.active() == [first, second, fourth]


def test_the_same_holds_for_campaign_entries(world: LogWorld) -> None:  # E3
    no = world.logged(2, campaign_no=world.campaign())
    (campaign_entry,) = world.campaign_entry_nos()
    world.cancel_campaign_entry(campaign_entry)
    assert world.active() == []

    world.cancel_segment(no)
    world.restore_segment(no)
    assert world.active() == []  # its campaign entry was canceled by itself before
    world.restore_campaign_entry(campaign_entry)
    assert world.active() == world.entry_nos(no)


def test_what_is_below_something_canceled_cannot_be_restored_on_its_own(world: LogWorld) -> None:  # E4
    no = world.logged(2, campaign_no=world.campaign())
    entry, _other = world.entry_nos(no)
    (campaign_entry,) = world.campaign_entry_nos()
    world.cancel_entry(entry)
    world.cancel_segment(no)
    for restore, key in ((world.restore_entry, entry), (world.restore_campaign_entry, campaign_entry)):
        with pytest.raises(canceling.AboveCanceled):
            restore(key)
    world.restore_segment(no)

    world.cancel_campaign_entry(campaign_entry)
    with pytest.raises(canceling.AboveCanceled):
        world.restore_entry(entry)
    world.restore_campaign_entry(campaign_entry)
    world.restore_entry(entry)
    assert world.active() == world.entry_nos(no)


def test_canceling_twice_changes_nothing(world: LogWorld) -> None:  # E3
    no = world.logged(1, campaign_no=world.campaign())
    (entry,), (campaign_entry,) = world.entry_nos(no), world.campaign_entry_nos()
    facts = """
        SELECT i.canceled_at, s.canceled_at, c.canceled_at FROM interaction i
        JOIN logged_segment s ON s.no = i.logged_segment_no JOIN campaign_entry c ON c.entry_no = i.campaign_entry_no
    """
    for cancel, restore, key in (
        (world.cancel_entry, world.restore_entry, entry),
        (world.cancel_campaign_entry, world.restore_campaign_entry, campaign_entry),
        (world.cancel_segment, world.restore_segment, no),
    ):
        cancel(key)
        before = list(world.rows(facts))
        cancel(key)
        assert list(world.rows(facts)) == before
        restore(key)
        restore(key)
        assert world.active() == [entry]
    recorded = "SELECT action, object_type, count(*) FROM audit WHERE changes ? 'canceled' GROUP BY 1, 2"
    assert {tuple(row) for row in world.rows(recorded)} == {
        (action, thing, 1)
        for action in ("cancel", "restore")
        for thing in ("interaction", "logged_segment", "campaign_entry")
    }


def test_a_salesperson_changes_entries_of_their_own_only(world: LogWorld) -> None:  # U1
    no = world.logged(1)
    (entry,) = world.entry_nos(no)
    own = world.actor("jo", Role.SALESPERSON, "JO")
    stranger = world.actor("ed", Role.SALESPERSON)
    with world.transaction() as session, pytest.raises(Forbidden):
        canceling.cancel(session, entry, actor=stranger)
    assert world.active() == [entry]
    with world.transaction() as session:
        canceling.cancel(session, entry, actor=own)
    assert world.active() == []


def test_what_is_being_logged_cannot_be_canceled(world: LogWorld) -> None:  # L8
    world.log(world.segment(world.companies(1), campaign_no=world.campaign()))
    from .engine_helpers import work

    work(world.sessions)
    work(world.sessions)
    (entry,) = [row.entry_no for row in world.rows("SELECT entry_no FROM interaction")]
    with world.transaction() as session:
        actor = actors.system(session)
        with pytest.raises(NotFound):
            canceling.cancel(session, entry, actor=actor)
        with pytest.raises(NotFound):
            campaign_entries.get(session, 1)
        with pytest.raises(Conflict) as refused:
            canceling.cancel_logged_segment(session, logged_segments.get(session, 1), actor=actor)
    assert refused.value.code == "logging_in_progress"


def test_canceling_a_logged_segment_writes_one_row(world: LogWorld) -> None:  # DESIGN 4
    no = world.logged(3)
    versions = "SELECT entry_no, xmin::text FROM interaction ORDER BY 1"
    before = list(world.rows(versions))
    world.cancel_segment(no)
    assert list(world.rows(versions)) == before
