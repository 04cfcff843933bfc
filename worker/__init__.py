"""Celery: the worker that does jobs and the beat that finds work nobody was told of. Above `domain`, beside `web`."""
