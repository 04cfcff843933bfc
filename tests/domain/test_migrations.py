"""The way from an older schema to the newest: what people have seen stays as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from domain import migrations
from ops import verify

TEXTS = "SELECT entry_no, description, subject FROM interaction_visible ORDER BY entry_no"
# A template that got its subjects after it was used: entries made before say what they said.
OLD = """
    INSERT INTO interaction_group (code) VALUES ('G');
    INSERT INTO interaction_template (code, description, group_id, version_id) VALUES ('T', 'Letter', 1, 1);
    INSERT INTO interaction_template_version (template_id, description, group_id) VALUES (1, 'Letter', 1);
    INSERT INTO interaction_template_language (template_id, language_code, subject)
    VALUES (1, 'DE', 'Hallo'), (1, 'en', '');
    INSERT INTO contact (no, type) VALUES ('C', 'company');
    INSERT INTO logged_segment (segment_id, segment_no, description, actor_id, status, first_entry_no, last_entry_no,
        interactions_count, job_id, logged_at)
    VALUES (1, 'SM1', 'Autumn', 1, 'logged', 1, 3, 3, gen_random_uuid(), now());
    INSERT INTO interaction (entry_no, contact_id, company_id, logged_segment_no, template_version_id, actor_id, date,
        language_code, description, subject)
    VALUES (1, 1, 1, 1, 1, 1, '2026-01-01', 'DE', NULL, NULL), (2, 1, 1, 1, 1, 1, '2026-01-01', 'DE', NULL, 'Hallo'),
           (3, 1, 1, 1, 1, 1, '2026-01-01', NULL, 'Kind', NULL),
           (4, 1, 1, NULL, 1, 1, '2026-01-01', 'DE', 'Call', NULL);
    SELECT setval('interaction_entry_no_seq', 4);
"""


@pytest.fixture
def old_database(postgres_server: Any) -> Iterator[str]:
    url = postgres_server.create("migrations")
    yield url
    postgres_server.drop("migrations")


def test_texts_stay_when_they_come_to_be_kept_once(old_database: str) -> None:
    engine = create_engine(old_database)
    settings = migrations.config(old_database)
    with engine.connect() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0007")
        connection.exec_driver_sql(OLD)
        before = connection.execute(text(TEXTS)).all()
        connection.commit()
        command.upgrade(settings, "head")
        connection.commit()
        assert connection.execute(text(TEXTS)).all() == before
        now = "SELECT language_code, subject FROM interaction_template_version_language WHERE version_id = "
        assert connection.execute(text(f"{now} (SELECT version_id FROM interaction_template)")).all() == [
            ("de", "Hallo")
        ]
        assert verify.failed(connection) == {}
    engine.dispose()
