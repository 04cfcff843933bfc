"""The worker processes: consumer, tasks."""
