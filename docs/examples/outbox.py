"""A producer that loses no event: an outbox table, batches over HTTP, and reconciliation.

The event is written in the transaction that writes the invoice, so there is none without the other. Sending may fail,
be repeated or be interrupted at any point: the id is the event's for ever, and Interlog takes each id once.
"""

import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime

SITE = os.environ.get("SITE", "http://127.0.0.1:8000")
TOKEN = os.environ["INTERLOG_TOKEN"]
SOURCE = "billing"
BATCH = 500

TABLES = """
    CREATE TABLE IF NOT EXISTS invoice (no TEXT PRIMARY KEY, customer_no TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS outbox (
        id INTEGER PRIMARY KEY, event TEXT NOT NULL, sent_at TEXT, refused TEXT);
"""


def post(path: str, media_type: str, body: object) -> dict:
    """Post JSON; wait and try again while the service is away."""
    request = urllib.request.Request(
        f"{SITE}/api/v1{path}",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {TOKEN}", "Content-Type": media_type},
    )
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 502, 503, 504):
                raise
            time.sleep(float(error.headers.get("Retry-After") or 1))
        except OSError:
            time.sleep(1)


def print_invoice(db: sqlite3.Connection, no: str, customer_no: str) -> None:
    """Write an invoice, and that it was printed, in one transaction."""
    event = {
        "specversion": "1.0",
        "source": SOURCE,
        "type": "document.printed",
        "time": datetime.now(UTC).isoformat(),
        "data": {"document_type": "sales_invoice", "document_no": no, "account_no": customer_no},
    }
    with db:
        db.execute("INSERT INTO invoice VALUES (?, ?)", (no, customer_no))
        db.execute("INSERT INTO outbox (event) VALUES (?)", (json.dumps(event),))


def send(db: sqlite3.Connection) -> None:
    """Send what has not been answered, oldest first."""
    while rows := db.execute(
        "SELECT id, event FROM outbox WHERE sent_at IS NULL ORDER BY id LIMIT ?", (BATCH,)
    ).fetchall():
        events = [{"id": str(id), **json.loads(event)} for id, event in rows]
        answer = post("/document-events", "application/cloudevents-batch+json", events)
        refused = {each["index"]: each["message"] for each in answer["rejected"]}
        with db:
            db.executemany(
                "UPDATE outbox SET sent_at = datetime('now'), refused = ? WHERE id = ?",
                [(refused.get(index), id) for index, (id, _) in enumerate(rows)],
            )


def reconcile(db: sqlite3.Connection) -> list[str]:
    """Ask which events of the last week are missing, and have them sent again."""
    ids = db.execute(
        "SELECT id FROM outbox WHERE refused IS NULL AND sent_at > datetime('now', '-7 days')"
    ).fetchall()
    asked = {"source": SOURCE, "ids": [str(id) for (id,) in ids]}
    missing = post("/document-events/missing", "application/json", asked)["missing"]
    with db:
        db.executemany("UPDATE outbox SET sent_at = NULL WHERE id = ?", [(id,) for id in missing])
    return missing


if __name__ == "__main__":
    database = sqlite3.connect(sys.argv[1])
    database.executescript(TABLES)
    for number in sys.argv[2:]:
        print_invoice(database, number, "C100")
    send(database)
    print("missing:", reconcile(database))
    send(database)
