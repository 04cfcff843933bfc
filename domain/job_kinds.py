"""Makes every kind of job known to the engine; imported by whoever does jobs."""

from domain import contact_import, criteria, follow_ups, housekeeping, purging, segment_logging

__all__ = ["contact_import", "criteria", "follow_ups", "housekeeping", "purging", "segment_logging"]
