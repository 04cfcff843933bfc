"""The schema and its history: Alembic revisions whose SQL stands beside them."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from domain.database import make_engine

FOLDER = Path(__file__).parent


def config(database_url: str) -> Config:
    """Make Alembic's configuration for the database at `database_url`."""
    settings = Config()
    settings.set_main_option("script_location", str(FOLDER))
    settings.attributes["database_url"] = database_url
    return settings


def upgrade(database_url: str) -> None:
    """Bring the schema to the newest revision; safe to run from several processes at once."""
    engine = make_engine(database_url, process="migrate", statement_timeout_ms=0)
    try:
        with engine.connect() as connection:
            # One migrates, the others wait and then find nothing to do.
            connection.execute(text("SET lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_lock(hashtextextended('interlog migrations', 0))"))
            settings = config(database_url)
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
            connection.commit()
    finally:
        engine.dispose()


def revisions() -> list[str]:
    """Return the revisions that this version of the code knows."""
    return [one.revision for one in ScriptDirectory.from_config(config("")).walk_revisions()]
