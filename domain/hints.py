"""Names that web, workers, beat and other systems agree on, and the broker settings that came through the fault runs.

A hint says "there is work" and nothing else; the work is found in PostgreSQL (DESIGN 1.4). Plain data: the
domain knows no Celery.
"""

from sqlalchemy.orm import Session

JOBS_QUEUE = "jobs"
WORK_TASK = "jobs.work"
# The door by which other systems send document events through Celery. It has workers of its own: a message that is
# none ends whoever reads it (RELIABILITY 1).
DOCUMENTS_QUEUE = "documents"
RECEIVE_TASK = "documents.receive"
QUEUES = (JOBS_QUEUE, DOCUMENTS_QUEUE)
# The Redis Stream in which they can leave document events, and the group of its readers.
STREAM = "document-events"
GROUP = "interlog"
# Hints that come thicker than this (seconds) are sent as one: hundreds of events a second need no hint each, which
# costs more than storing the event (1.3 of 7 ms of processor time), and the worker as much again.
EVERY = 0.05

# RELIABILITY 1: each value answers a fault that was reproduced there.
BROKER = {
    "result_backend": None,
    "task_ignore_result": True,
    "task_serializer": "json",
    "accept_content": ["json"],
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_channel_error_retry": True,
    "broker_pool_acquire_timeout": 2,
    "task_publish_retry": True,
    "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0.1, "interval_max": 0.1},
    "broker_transport_options": {
        "visibility_timeout": 300,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 3,
        "socket_connect_timeout": 1,
        "socket_keepalive": True,
        "health_check_interval": 5,
        "retry_on_timeout": False,
    },
    "task_default_queue": JOBS_QUEUE,
}


def want(session: Session) -> None:
    """Ask for one hint once `session` has committed; whoever owns the transaction sends it."""
    session.info["hint"] = True


def wanted(session: Session) -> bool:
    """Tell whether a hint was asked for, and forget it."""
    return bool(session.info.pop("hint", False))
