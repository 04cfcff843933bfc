"""Cancel and restore of an entry, a logged segment, a campaign entry; deleting canceled logged segments (E2-E4, E6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext

from domain import campaign_entries, campaigns, canceling, logged_segment_deletion, logged_segments
from domain.errors import Refusal
from domain.users import Role
from web import database, identity, messages
from web.pages import guard, lists
from web.pages import logged_segments as logged_segments_page
from web.pages.records import Answer

blueprint = Blueprint("canceling", __name__)


@blueprint.post("/interactions/<int:key>/cancel")
@guard.needs(Role.SALESPERSON)
def cancel_entry(key: int) -> Answer:
    """Cancel an entry."""
    return _change(canceling.cancel, key, gettext("The entry has been canceled."), _entry(key))


@blueprint.post("/interactions/<int:key>/restore")
@guard.needs(Role.SALESPERSON)
def restore_entry(key: int) -> Answer:
    """Restore an entry."""
    return _change(canceling.restore, key, gettext("The entry has been restored."), _entry(key))


@blueprint.post("/logged-segments/<key>/cancel")
@guard.needs(Role.MARKETING)
def cancel_segment(key: str) -> Answer:
    """Cancel a logged segment; asks first, as all its entries are canceled with it."""
    logged = logged_segments.get(database.session(), key)
    back = url_for("pages.logged_segments.card", key=logged.no)
    if not guard.confirmed():
        return guard.ask(
            gettext("Cancel this logged segment with all its entries and campaign entries?"),
            title=gettext("Cancel logged segment"),
            yes=gettext("Cancel logged segment"),
            back=back,
        )
    return _change(
        canceling.cancel_logged_segment, logged, gettext("The logged segment has been canceled."), back
    )


@blueprint.post("/logged-segments/<key>/restore")
@guard.needs(Role.MARKETING)
def restore_segment(key: str) -> Answer:
    """Restore a logged segment."""
    logged = logged_segments.get(database.session(), key)
    back = url_for("pages.logged_segments.card", key=logged.no)
    done = gettext(
        "The logged segment has been restored. Entries that were canceled by themselves stay canceled."
    )
    return _change(canceling.restore_logged_segment, logged, done, back)


@blueprint.post("/logged-segments/<key>/delete")
@guard.needs(Role.MARKETING)
def delete_segment(key: str) -> Answer:
    """Delete a canceled logged segment."""
    logged = logged_segments.get(database.session(), key)
    return _delete({"nos": [logged.no]}, back=url_for("pages.logged_segments.card", key=logged.no))


@blueprint.post("/logged-segments/delete-canceled")
@guard.needs(Role.MARKETING)
def delete_canceled() -> Answer:
    """Delete the canceled ones among the logged segments that are selected, or every canceled one."""
    chosen = lists.selected(logged_segments_page.LISTING, "no")
    back = url_for("pages.logged_segments.index", canceled="true")
    if not chosen.numbers and "all" not in request.form:
        flash(gettext("Select logged segments first."), "warn")
        return redirect(back, 303)  # type: ignore[return-value]
    return _delete({"nos": chosen.numbers} if chosen.numbers else {"all": True}, back=back)


@blueprint.post("/campaign-entries/<int:key>/cancel")
@guard.needs(Role.MARKETING)
def cancel_campaign_entry(key: int) -> Answer:
    """Cancel a campaign entry."""
    done = gettext("The campaign entry has been canceled with its interactions.")
    return _change_campaign_entry(canceling.cancel_campaign_entry, key, done)


@blueprint.post("/campaign-entries/<int:key>/restore")
@guard.needs(Role.MARKETING)
def restore_campaign_entry(key: int) -> Answer:
    """Restore a campaign entry."""
    done = gettext("The campaign entry has been restored.")
    return _change_campaign_entry(canceling.restore_campaign_entry, key, done)


def _change_campaign_entry(change: Callable[..., Any], key: int, done: str) -> Answer:
    session = database.session()
    entry = campaign_entries.get(session, key)
    campaign = session.get_one(campaigns.Campaign, entry.campaign_id)
    return _change(change, entry, done, url_for("pages.campaigns.card", key=campaign.no))


def _entry(key: int) -> str:
    return url_for("pages.interactions.card", key=key)


def _change(change: Callable[..., Any], thing: Any, done: str, back: str) -> Answer:
    """Do a change and say so; what is refused is said as well."""
    try:
        change(database.session(), thing, actor=identity.required())
        flash(done, "good")
    except (canceling.AboveCanceled, logged_segments.LoggedSegmentBusy) as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
    return redirect(back, 303)  # type: ignore[return-value]


def _delete(values: dict[str, Any], *, back: str) -> Answer:
    if not guard.confirmed():
        return guard.ask(
            gettext(
                "Delete what is canceled among logged segments? Their entries stay in the log, canceled and without "
                "the link, and their numbers become free. This cannot be undone."
            ),
            title=gettext("Delete canceled logged segments"),
            yes=gettext("Delete"),
            back=back,
        )
    try:
        job = logged_segment_deletion.request(database.session(), values=values, actor=identity.required())
    except Refusal as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
        return redirect(back, 303)  # type: ignore[return-value]
    return redirect(url_for("pages.jobs.card", key=job.id), 303)  # type: ignore[return-value]
