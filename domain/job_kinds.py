"""Makes every kind of job known to the engine; imported by whoever does jobs."""

from domain import (
    bulk_changes,
    contact_import,
    criteria,
    document_replay,
    entry_totals,
    erasure,
    follow_ups,
    housekeeping,
    logged_segment_deletion,
    purging,
    segment_logging,
)

__all__ = [
    "bulk_changes",
    "contact_import",
    "criteria",
    "document_replay",
    "entry_totals",
    "erasure",
    "follow_ups",
    "housekeeping",
    "logged_segment_deletion",
    "purging",
    "segment_logging",
]
