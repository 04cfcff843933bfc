"""Makes every kind of job known to the engine; imported by whoever does jobs."""

from domain import (
    contact_import,
    criteria,
    document_replay,
    erasure,
    follow_ups,
    mailing_group_fill,
    many_lines,
    saved_criteria,
    segment_copy,
    segment_logging,
    segment_reuse,
    undo,
)

__all__ = [
    "contact_import",
    "criteria",
    "document_replay",
    "erasure",
    "follow_ups",
    "mailing_group_fill",
    "many_lines",
    "saved_criteria",
    "segment_copy",
    "segment_logging",
    "segment_reuse",
    "undo",
]
