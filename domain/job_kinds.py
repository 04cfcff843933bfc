"""Makes every kind of job known to the engine; imported by whoever does jobs."""

from domain import criteria, follow_ups, segment_logging

__all__ = ["criteria", "follow_ups", "segment_logging"]
