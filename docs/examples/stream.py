"""Puts an event into the Redis Stream `document-events`."""

import json
import os

import redis

event = {
    "specversion": "1.0",
    "id": "quote-Q7-1",
    "source": "quoting",
    "type": "document.sent",
    "data": {
        "document_type": "sales_quote",
        "document_no": "Q7",
        "document_version": 1,
        "account_no": "C100",
    },
}
client = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=3, socket_connect_timeout=1)
print(client.xadd("document-events", {"event": json.dumps(event)}).decode())
