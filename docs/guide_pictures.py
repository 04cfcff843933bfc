"""The pictures of the user guide: a few months of work at the demo's company, and the pages that show it.

`docs.make_screenshots` takes them along with its own. A picture is a WebP of the size that the guide's pages keep free
for it, drawn by the browser itself, so nothing else is needed to make one.
"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from playwright.sync_api import Locator, Page
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import canceling, contacts, document_inbox, interaction_creation, postponed, setup, users
from domain.actors import Actor
from domain.document_events import Door
from ops import demo
from ops.job_client import JobClient
from web import guide

# Between text that stays sharp and a chapter that loads quickly: 15 to 40 kB a picture.
QUALITY = 0.72
TO_WEBP = """async ([png, quality]) => {
  const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext("2d").drawImage(picture, 0, 0);
  const blob = await canvas.convertToBlob({type: "image/webp", quality});
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""

COUNTED = """() => {
  const shown = document.querySelector("[data-counted]");
  return shown.textContent.trim() && !shown.hasAttribute("aria-busy");
}"""

MONTHS = 9
WORK = (
    ("CALL-OUT", "Asked how the last delivery went", "positive"),
    ("LETTER", "Offer for the new machines", None),
    ("CALL-OUT", "Reached nobody, tries again on Monday", None),
    ("VISIT", "Showed the new machines on site", "very_positive"),
    ("CALL-IN", "Wants to know the date of delivery", "neutral"),
    ("ANSWER", "Orders from the loyalty programme", "positive"),
)
# Days ago, what was printed for whom: an account that is known, one that is not, a type that nobody has set up.
DOCUMENTS = (
    (9, "sales_quote", "Q-2041", True),
    (7, "sales_order_confirmation", "OC-1180", True),
    (5, "sales_shipment", "SH-0913", True),
    (3, "sales_invoice", "INV-5120", True),
    (2, "sales_invoice", "INV-5133", False),
    (1, "sales_reminder", "R-0077", True),
)


@dataclass
class Camera:
    """Takes the pictures of one language."""

    page: Page
    language: str
    # An empty page: the site's own policy lets no script turn one picture into another.
    darkroom: Page
    base_url: str

    def open(self, path: str) -> Page:
        """Open a page of the site."""
        self.page.goto(self.base_url + path)
        return self.page

    def guide(self, name: str, path: str | None = None, at: Locator | None = None) -> None:
        """Keep a picture for the guide, of the page shown or of another; `at` is scrolled into sight."""
        width, height = guide.PICTURE_SIZE
        self.page.set_viewport_size({"width": width, "height": height})
        if path is not None:
            self.open(path)
        if at is not None:
            # below the bar, which stays on top
            at.evaluate("element => scrollTo(0, scrollY + element.getBoundingClientRect().top - 60)")
        png = base64.b64encode(self.page.screenshot(animations="disabled", caret="hide")).decode()
        webp = base64.b64decode(self.darkroom.evaluate(TO_WEBP, [png, QUALITY]))
        target = guide.FOLDER / self.language / "images" / f"{name}.webp"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(webp)
        sys.stdout.write(f"  guide, {self.language}: {name}, {len(webp) // 1000} kB\n")


@dataclass(frozen=True)
class Story:
    """Who the work was done with, and what the pages of the guide show of it."""

    contact_no: str
    entry_no: int


def tell(client: JobClient) -> Story:
    """Put some months of work into the log, with interactions left for later and printed documents."""
    with client.transaction() as session:
        actor = users.actor_of(session, users.get(session, demo.ADMIN))
        nos = session.scalars(
            text("""
                SELECT contact.no FROM contact JOIN salesperson ON salesperson.id = contact.salesperson_id
                WHERE contact.type = 'company' AND NOT contact.privacy_blocked AND NOT salesperson.blocked
                ORDER BY contact.no LIMIT 40
            """)
        ).all()
        contact = contacts.get(session, nos[0], lock=True)
        account = [{"type": "customer", "no": "14911"}]
        contacts.change(session, contact, values={"accounts": account}, actor=actor)
        entry_no = _work(session, nos, actor)
        for description, no in (("Call back about the offer", nos[0]), ("Visit in two weeks", nos[1])):
            values = {"contact_no": no, "template_code": "CALL-OUT", "description": description}
            postponed.create(session, values={**values, "comments": ["Prefers the morning"]}, actor=actor)
        _documents(session, actor)
    return Story(nos[0], entry_no)


def _work(session: Session, nos: Any, actor: Actor) -> int:
    """Record the work; return the number of the entry that is shown."""
    today, shown = setup.today(session), 0
    for number in range(MONTHS * 12):
        template, description, evaluation = WORK[number % len(WORK)]
        # every third time with the one contact whose card is shown
        no = nos[0] if number % 3 == 0 else nos[number % len(nos)]
        values = {
            "contact_no": no,
            "template_code": template,
            "description": description,
            "evaluation": evaluation,
            "date": today - timedelta(days=(MONTHS * 12 - number) * 5 // 2 + number * number % 5),
            "successful": "nobody" not in description,
            "comments": ["Sends the drawings by Friday."] if template == "VISIT" else [],
        }
        entry_no = interaction_creation.create(session, values=values, actor=actor)
        if template == "LETTER" and number % 4 == 1:
            canceling.cancel(session, entry_no, actor=actor)
        if template == "VISIT" and no == nos[0]:
            shown = entry_no
    return shown


def _documents(session: Session, actor: Actor) -> None:
    now = datetime.fromisoformat(str(session.scalar(text("SELECT now()"))))
    events = [
        document_inbox.of_value(
            {
                "specversion": "1.0",
                "id": no,
                "source": "billing",
                "type": "document.printed",
                "time": (now - timedelta(days=days)).isoformat(),
                "data": {
                    "document_type": document_type,
                    "document_no": no,
                    "account_no": "14911" if is_known else "20017",
                },
            }
        )
        for days, document_type, no, is_known in DOCUMENTS
    ]
    document_inbox.receive(session, events=events, door=Door.HTTP, actor=actor)


def photograph_segment(camera: Camera, no: str, *, empty_no: str) -> None:
    """Take the pictures of a segment that is being prepared, and of one that has no contacts yet."""
    camera.guide("segment", f"/segments/{no}")
    page = camera.open(f"/segments/{empty_no}/add-contacts")
    page.fill("#city", "Berlin")
    page.fill("#job_responsibilities", "PURCHASING")
    page.wait_for_function(COUNTED)
    camera.guide("add-contacts")
    camera.guide("line", f"/segments/{no}/lines/2/")
    camera.guide("check", f"/segments/{no}/check")


def photograph_pages(camera: Camera, story: Story, logged_no: int) -> None:
    """Take the pictures of everything else."""
    camera.guide("home", "/")
    page = camera.open(f"/contacts/{story.contact_no}")
    camera.guide("contact", at=page.locator("section:has(.timeline)"))
    camera.guide("logged-segment", f"/logged-segments/{logged_no}")
    _photograph_form(camera, story)
    camera.guide("postponed", "/postponed-interactions/")
    camera.guide("log", "/interactions/?q=machines")
    camera.guide("entry", f"/interactions/{story.entry_no}")
    page = camera.open("/purges/new")
    page.fill("#canceled_for_days", "0")
    page.locator("main form.panel button.btn-primary").click()
    page.locator("#preview-title").wait_for()
    camera.guide("delete-canceled")
    camera.guide("template-setup", "/template-setup/")
    camera.guide("document-events", "/document-events/")
    page = camera.open("/interaction-templates/CALL-OUT")
    camera.guide("statistics", at=page.locator("[aria-labelledby=statistics-title]"))
    page = camera.open("/campaigns/CP0003")
    camera.guide("campaign", at=page.locator("[aria-labelledby=statistics-title]"))
    camera.guide("template", "/interaction-templates/CATALOGUE")
    camera.guide("setup", "/marketing-setup/")


def _photograph_form(camera: Camera, story: Story) -> None:
    page = camera.open(f"/interactions/new/?contact_no={story.contact_no}")
    page.fill("#template_code", "VISIT")
    page.press("#template_code", "Tab")
    page.wait_for_function("() => document.querySelector('#cost').placeholder.startsWith('65')")
    page.fill("#description", "Shows the new machines" if camera.language == "en" else "Покажет новые станки")
    camera.guide("interaction-form")
    page.locator("[data-dialog=leave-dialog]").click()
    camera.guide("leave")
