"""Verify finds exactly what was damaged by hand, and nothing in sound data."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from domain import actors, contact_import, segment_lines, segment_logging, segments
from domain.database import transaction
from ops import verify
from ops.cli import main
from tests.domain.engine_helpers import drain, sessions_on, work
from tests.domain.events import print_document, record_documents
from tests.domain.makers import (
    make_campaign,
    make_company,
    make_contact,
    make_salesperson,
    make_template,
)

Sessions = sessionmaker[Session]


def log_a_segment(sessions: Sessions, no: str) -> None:
    with transaction(sessions) as session:
        segment = segments.get(session, no)
        values = {"follow_up": True, "on_invalid": "skip"}
        segment_logging.request(session, segment, values=values, actor=actors.system(session))
    drain(sessions)


def print_documents(sessions: Sessions) -> None:
    """Have a document printed three times, on two days."""
    with transaction(sessions) as session:
        record_documents(session, "sales_invoice")
        for time in ("2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z", "2026-03-12T12:00:00Z"):
            print_document(session, contact_no="P1", account_no=..., time=time)


@pytest.fixture
def sessions(fresh_db: str) -> Iterator[Sessions]:
    """A small sound company: two logged segments with entries, skips and campaign entries, two open segments,
    and a document that was printed."""
    with sessions_on(fresh_db) as made:
        with transaction(made) as session:
            actor = actors.system(session)
            make_salesperson(session, "HR")
            make_template(session, "BUS")
            make_campaign(session, no="CP1")
            make_company(session, no="C1")
            for number in range(4):
                make_contact(session, no=f"P{number}", company_no="C1", privacy_blocked=False)
            make_contact(session, no="LATER")
            for no in ("SM1", "SM2"):
                values = {
                    "no": no,
                    "description": "Event",
                    "template_code": "BUS",
                    "salesperson_code": "HR",
                    "campaign_no": "CP1",
                }
                segment = segments.create(session, values=values, actor=actor)
                nos = ["C1", "P0", "P1", "P2", "P3", "LATER"]
                segment_lines.add_many(session, segment, contact_nos=nos, allow_existing=False, actor=actor)
            session.execute(text("UPDATE contact SET privacy_blocked = true WHERE no = 'LATER'"))
        log_a_segment(made, "SM1")
        log_a_segment(made, "SM2")
        print_documents(made)
        yield made


def failed(sessions: Sessions) -> dict[str, str]:
    with sessions() as session:
        return verify.failed(session.connection())


def test_sound_data_are_clean(sessions: Sessions, fresh_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert failed(sessions) == {}
    monkeypatch.setenv("DATABASE_URL", fresh_db)
    told = CliRunner().invoke(main, ["verify"])
    assert (told.exit_code, told.output) == (0, "clean\n")


def test_work_under_way_is_no_damage(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        contact_import.request(session, pieces=[b"type,name\nperson,A\n"], actor=actors.system(session))
        segment = segments.page(session, filters={})[0]
        values = {"description": "Again", "template_code": "BUS", "date": segment.date}
        segments.change(session, segment, values=values, actor=actors.system(session))
        segment_logging.request(session, segment, values={"follow_up": True}, actor=actors.system(session))
    while work(sessions):
        assert failed(sessions) == {}


FIRST = "(SELECT min(no) FROM logged_segment)"
LAST = "(SELECT max(no) FROM logged_segment)"
ONE = "entry_no = (SELECT min(entry_no) FROM interaction)"
ONE_LINE = "(segment_id, line_no) = (SELECT segment_id, line_no FROM segment_line ORDER BY 1, 2 LIMIT 1)"
NO_KEYS = "SET LOCAL session_replication_role = replica"
JOB = "(SELECT id FROM job ORDER BY position LIMIT 1)"

DAMAGES = {
    "entry_contact": f"UPDATE interaction SET contact_id = 999 WHERE {ONE}",
    "entry_company": f"UPDATE interaction SET company_id = 999 WHERE {ONE}",
    "entry_template": f"UPDATE interaction SET template_version_id = 999 WHERE {ONE}",
    "entry_salesperson": f"UPDATE interaction SET salesperson_id = 999 WHERE {ONE}",
    "entry_campaign_entry": f"UPDATE interaction SET campaign_entry_no = 999 WHERE {ONE}",
    "entry_user": f"UPDATE interaction SET actor_id = 999 WHERE {ONE}",
    "entry_canceled_by": f"UPDATE interaction SET canceled_at = now(), canceled_by = 999 WHERE {ONE}",
    "template_subjects": "INSERT INTO interaction_template_version_language "
    "SELECT max(version_id), 'xx', 'Hello' FROM interaction_template",
    "entry_totals": "INSERT INTO interaction_total (template_version_id, date, entries, interactions, cost, "
    "duration_min, target_contacts, responses) VALUES (1, '2026-01-01', 1, 1, 0, 0, 0, 0)",
    "entry_beyond_sequence": "SELECT setval('interaction_entry_no_seq', 5)",
    "logged_interactions_count": f"DELETE FROM interaction WHERE {ONE}",
    "logged_skipped_count": f"DELETE FROM logged_segment_skip WHERE logged_segment_no = {FIRST}",
    "logged_campaign_entries_count": f"UPDATE logged_segment SET campaign_entries_count = 2 WHERE no = {FIRST}",
    "campaign_entry_segment": f"UPDATE interaction SET campaign_entry_no = "
    f"(SELECT max(entry_no) FROM campaign_entry) WHERE {ONE}",
    "logging_abandoned": f"UPDATE logged_segment SET status = 'logging', logged_at = NULL WHERE no = {FIRST}",
    "postponed_recorded": "INSERT INTO postponed_interaction (entry_no, contact_id, actor_id) "
    "SELECT min(entry_no), min(contact_id), 1 FROM interaction",
    "postponed_campaign": "INSERT INTO postponed_interaction (entry_no, contact_id, actor_id, campaign_id) "
    "SELECT next_entry_nos(1), min(id), 1, 999 FROM contact",
    "purge_record_open": "INSERT INTO purge_record (job_id, actor_id, filters, archive) "
    "VALUES (gen_random_uuid(), 1, '{}', false)",
    "comment_entry": "INSERT INTO interaction_comment (entry_no, comment, actor_id) VALUES (999, 'A', 1)",
    "line_segment": "INSERT INTO segment_line (segment_id, line_no, contact_id) SELECT 999, 1, min(id) FROM contact",
    "line_contact": f"UPDATE segment_line SET contact_id = 999 WHERE {ONE_LINE}",
    "line_template": f"UPDATE segment_line SET template_id = 999 WHERE {ONE_LINE}",
    "line_salesperson": f"UPDATE segment_line SET salesperson_id = 999 WHERE {ONE_LINE}",
    "line_campaign": f"UPDATE segment_line SET campaign_id = 999 WHERE {ONE_LINE}",
    "segment_campaign": "UPDATE segment SET campaign_id = 999",
    "segment_lines_count": "UPDATE segment SET lines_count = lines_count + 1",
    "segment_last_line_no": "UPDATE segment SET last_line_no = 1",
    "segment_line_removed": "INSERT INTO segment_line_removed (segment_id, line_no, contact_id, action_no) "
    "SELECT id, 9999, 1, 99 FROM segment LIMIT 1",
    "segment_hidden": "UPDATE segment SET status = 'hidden'",
    "segment_frozen": "UPDATE segment SET status = 'logging'",
    "template_version": "UPDATE interaction_template SET description = 'Something else'",
    "event_entry_missing": "UPDATE document_event SET entry_no = 12345 WHERE outcome = 'recorded' AND entry_no = "
    "(SELECT max(entry_no) FROM document_event); DELETE FROM interaction WHERE entry_no = "
    "(SELECT max(entry_no) FROM interaction)",
    "event_entry": "UPDATE interaction SET document_version = 7 WHERE times_printed = 2",
    "times_printed": "UPDATE interaction SET times_printed = 3 WHERE times_printed = 2",
    "print_window": "UPDATE document_event SET time = '2026-03-11T11:59:59Z' WHERE position = "
    "(SELECT max(position) FROM document_event)",
    "company_of_person": f"{NO_KEYS}; UPDATE contact SET type = 'person' WHERE no = 'C1'",
    "job_without_chunk": f"UPDATE job SET state = 'running', finished_at = NULL WHERE id = {JOB}",
    "job_with_open_chunk": f"UPDATE job_chunk SET state = 'pending' WHERE job_id = {JOB} AND no = 1",
    "import_left_over": f"INSERT INTO job_file (job_id, no, piece) VALUES ({JOB}, 0, '')",
    "number_series_behind": "UPDATE number_series SET allow_manual = false, last_no_used = NULL WHERE code = 'SEGMENT'",
}


@pytest.mark.parametrize("check", sorted(DAMAGES))
def test_a_damage_is_found_by_its_check_alone(sessions: Sessions, check: str) -> None:
    with transaction(sessions) as session:
        for statement in DAMAGES[check].split("; "):
            session.execute(text(statement))
    assert set(failed(sessions)) == {check}


def test_entries_in_the_wrong_range_are_found(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        session.execute(text(f"UPDATE interaction SET logged_segment_no = {LAST} WHERE {ONE}"))
    assert set(failed(sessions)) == {
        "entry_outside_range",
        "entry_inside_range",
        "logged_interactions_count",
        "campaign_entry_segment",
    }


def test_entries_without_their_logged_segment_are_found(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        session.execute(text(NO_KEYS))
        session.execute(text(f"DELETE FROM logged_segment WHERE no = {FIRST}"))
    assert set(failed(sessions)) == {"entry_logged_segment", "entry_totals"}


def test_every_check_has_been_seen_to_fail() -> None:
    elsewhere = {"entry_outside_range", "entry_inside_range", "entry_logged_segment"}
    assert {check.name for check in verify.CHECKS} == set(DAMAGES) | elsewhere


def test_damage_is_told_in_words_with_examples(
    sessions: Sessions, fresh_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(sessions) as session:
        session.execute(text("UPDATE interaction SET contact_id = 999 WHERE times_printed IS NULL"))
    assert verify.run(fresh_db) == ["10 entries of a contact that is not there: 1, 2, 3, 4, 5, …"]
    monkeypatch.setenv("DATABASE_URL", fresh_db)
    told = CliRunner().invoke(main, ["verify"])
    assert told.exit_code == 1
    assert told.output.splitlines()[0] == "10 entries of a contact that is not there: 1, 2, 3, 4, 5, …"
