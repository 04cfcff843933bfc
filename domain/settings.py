"""What a process needs to know of the world around it, taken from the environment."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of one process; `DATABASE_URL` and `REDIS_URL` are plain, the others begin with `INTERLOG_`."""

    # a message about one that is missing would show the others, passwords and all
    model_config = SettingsConfigDict(env_prefix="INTERLOG_", extra="ignore", hide_input_in_errors=True)

    database_url: str = Field(validation_alias="DATABASE_URL")
    redis_url: str = Field(validation_alias="REDIS_URL")
    secret_key: SecretStr = SecretStr("")
    secure_cookies: bool = False
    requests_per_minute: int = 6000
    # What one sender of document events may send, events or batches; each batch has up to 1,000 events.
    event_requests_per_minute: int = 120_000
    sign_ins_per_minute: int = 10
    max_body_bytes: int = 64 * 1024 * 1024
    event_streams: int = 8
    # How many proxies stand in front, each of which adds the address of its caller to X-Forwarded-For.
    proxies: int = 0


class Folders(BaseSettings):
    """Where a process keeps files; what `up` runs has its data folder."""

    model_config = SettingsConfigDict(env_prefix="INTERLOG_", extra="ignore")

    data: Path = Path(__file__).parent.parent / "var" / "data"
    archive_folder: Path | None = None


def archive_folder() -> Path:
    """Return the folder of the archives of purges, which all workers must share."""
    folders = Folders()
    return folders.archive_folder or folders.data / "archives"


def load() -> Settings:
    """Read the settings of this process from its environment.

    Raises
    ------
    pydantic.ValidationError
        If `DATABASE_URL` or `REDIS_URL` is missing.
    """
    return Settings.model_validate({})
