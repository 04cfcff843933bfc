"""Makes every kind of job known to the engine; imported by whoever does jobs."""

from domain import contact_import, criteria, document_replay, erasure, follow_ups, segment_logging

__all__ = ["contact_import", "criteria", "document_replay", "erasure", "follow_ups", "segment_logging"]
