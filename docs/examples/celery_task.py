"""Sends events through the Celery application of another system; it need not know Interlog's code."""

import os

from celery import Celery

event = {
    "specversion": "1.0",
    "id": "order-O9",
    "source": "shop",
    "type": "document.printed",
    "data": {"document_type": "sales_order_confirmation", "document_no": "O9", "account_no": "C100"},
}
shop = Celery("shop", broker=os.environ["REDIS_URL"])
print(shop.send_task("documents.receive", kwargs={"events": [event]}, queue="documents", ignore_result=True))
