"""What purges and housekeeping keep to: how many rows without being asked twice, how long what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import audit, records
from domain import values as v
from domain.actors import Actor
from domain.database import Base
from domain.errors import Faults

THING = "purge_setup"
STORED = (
    "purge_rows_limit",
    "keep_jobs_days",
    "keep_idempotency_keys_hours",
    "keep_document_data_days",
    "keep_canceled_segments_days",
)
CHECKS: dict[str, v.Check] = {
    "purge_rows_limit": v.whole(10**12, least=1, blank=5_000_000),
    "keep_jobs_days": v.whole(36_500, least=1, blank=180),
    "keep_idempotency_keys_hours": v.whole(8_760, least=24, blank=48),
    "keep_document_data_days": v.whole(36_500, least=31, blank=1_095),
    "keep_canceled_segments_days": v.whole(36_500),
}


class PurgeSetup(Base):
    """The one row of it."""

    __tablename__ = "purge_setup"

    id: Mapped[bool] = mapped_column(primary_key=True, default=True, server_default="true")
    purge_rows_limit: Mapped[int] = mapped_column(BigInteger, server_default="5000000")
    keep_jobs_days: Mapped[int] = mapped_column(server_default="180")
    keep_idempotency_keys_hours: Mapped[int] = mapped_column(server_default="48")
    keep_document_data_days: Mapped[int] = mapped_column(server_default="1095")
    keep_canceled_segments_days: Mapped[int] = mapped_column(server_default="0")
    document_data_gone_to: Mapped[int] = mapped_column(BigInteger, server_default="0")


def get(session: Session, *, lock: bool = False) -> PurgeSetup:
    """Read it; with `lock`, keep others from changing it until the transaction ends."""
    query = select(PurgeSetup)
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(query).one()


def change(session: Session, *, values: Mapping[str, Any], actor: Actor) -> PurgeSetup:
    """Change the given fields; raise `Invalid` naming every fault."""
    setup = get(session, lock=True)
    faults = Faults()
    taken = v.take(values, CHECKS, faults)
    faults.raise_if_any()
    before = describe(setup)
    records.assign(setup, taken)
    session.flush()
    audit.record_difference(
        session,
        actor=actor,
        action="change",
        object_type=THING,
        object_key=THING,
        before=before,
        after=describe(setup),
    )
    return setup


def describe(setup: PurgeSetup) -> dict[str, Any]:
    """Give it as names and values."""
    return {name: getattr(setup, name) for name in STORED}
