"""Pages of a noun of master data: list, new, card, delete. The noun says what is its own; the rest is here.

A card is a form. It is saved only if the record is still as it was shown (a hidden tag), and every fault of
the domain is put beside its field while what was typed stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session

from domain.errors import Refusal
from domain.users import Role
from web import database, identity, messages
from web.forms.base import RecordForm, etag_of, show_faults
from web.idempotency import made_once
from web.pages import audit, guard, lists
from web.pages.lists import Column, Filter, Listing

Answer = str | Response
Stored = dict[str, Any]


@dataclass(frozen=True)
class Noun:
    """What tells one noun's pages from another's.

    Parameters
    ----------
    name
        Name of the blueprint and of the path, such as `salespeople`.
    module
        The domain module of the noun.
    key
        Field that addresses a record: `code`, `no` or `name`.
    plural, singular, new
        Titles of the list, a card, the button that makes one.
    lead
        One sentence that says what the list is for.
    empty
        What to do when there is none.
    reads, writes
        Least roles.
    more_columns
        What the list can show besides.
    list, card
        Templates of the list and of a card.
    extra
        Gives the card's template what it shows besides the form; `is_editable` tells whether it may be edited
        now, by default whether the user may.
    describe
        Gives the card's shape of a record, if it is more than that of the list.
    prepare
        Tells the fields of a card what they inherit.
    defaults
        What a new record's form begins with.
    """

    name: str
    module: ModuleType
    key: str
    form: type[RecordForm]
    plural: Any
    singular: Any
    new: Any
    lead: Any
    empty: Any
    columns: Sequence[Column]
    filters: Sequence[Filter]
    reads: Role = Role.VIEWER
    writes: Role = Role.ADMIN
    deletable: bool = True
    list: str = "records/list.html"
    card: str = "records/card.html"
    extra: Callable[[Session, Any, Stored], dict[str, Any]] | None = None
    describe: Callable[[Session, Any], Stored] | None = None
    title_field: str = "description"
    defaults: Callable[[], dict[str, Any]] = dict
    prepare: Callable[[RecordForm, Stored], None] | None = None
    change: Callable[..., Any] | None = None
    create: Callable[..., Any] | None = None
    more_columns: Sequence[Column] = ()

    def url(self, view: str, **values: Any) -> str:
        """Return the address of one of the noun's pages."""
        return url_for(f"pages.{self.name}.{view}", **values)

    def described(self, session: Session, thing: Any) -> Stored:
        """Return a record as its card shows it."""
        if self.describe is not None:
            return self.describe(session, thing)
        return dict(self.module.describe(session, [thing])[0])

    def listing(self) -> Listing:
        """Make the listing of the noun, by its key or in the order of making."""

        def fetch(session: Session, wanted: lists.Wanted) -> Sequence[Stored]:
            things = self.module.page(
                session, filters=wanted.filters, after=wanted.after, limit=wanted.limit, sort=wanted.sort
            )
            rows = self.module.describe(session, things)
            return [{**row, "id": thing.id} for row, thing in zip(rows, things, strict=True)]

        return Listing(
            name=self.name,
            columns=self.columns,
            more_columns=self.more_columns,
            filters=self.filters,
            fetch=fetch,
            key=lists.by_key(self.key),
            sorts=lists.BY_KEY,
            sorted_by={self.key: "key"},
            reads=self.reads,
        )


def blueprint(noun: Noun, import_name: str) -> Blueprint:
    """Make the pages of a noun."""
    pages = Blueprint(noun.name, import_name, url_prefix="/" + noun.name.replace("_", "-"))
    listing = lists.register(noun.listing())

    @pages.get("/")
    def index() -> Answer:
        guard.check_role(noun.reads)
        return render_template(noun.list, noun=noun, list=lists.read(listing))

    @pages.route("/new", methods=["GET", "POST"])
    def new() -> Answer:
        actor = guard.check_role(noun.writes)
        session = database.session()
        form = noun.form(data=noun.defaults()) if request.method == "GET" else noun.form()
        if request.method == "POST":
            key = attempt_once(
                form,
                lambda: getattr(
                    (noun.create or noun.module.create)(session, values=form.values(), actor=actor), noun.key
                ),
            )
            if key is not None:
                flash(gettext("%(thing)s “%(key)s” has been created.", thing=noun.singular, key=key), "good")
                return redirect(noun.url("card", key=key), 303)  # type: ignore[return-value]
        form.add_spare_rows()
        return form_page("records/new.html", form, noun=noun)

    @pages.route("/<key>", methods=["GET", "POST"])
    def card(key: str) -> Answer:
        guard.check_role(noun.writes if request.method == "POST" else noun.reads)
        session = database.session()
        thing = noun.module.get(session, key, lock=request.method == "POST")
        stored = noun.described(session, thing)
        form = _form_of(noun, stored)
        if request.method == "POST" and _save(noun, session, thing, stored, form):
            flash(gettext("Saved."), "good")
            return redirect(noun.url("card", key=stored[noun.key]), 303)  # type: ignore[return-value]
        if request.method == "POST":
            thing = noun.module.get(session, key)
        form.add_spare_rows()
        if noun.prepare is not None:
            noun.prepare(form, stored)
        shown = noun.extra(session, thing, stored) if noun.extra else {}
        is_editable = shown.setdefault("is_editable", guard.may(noun.writes))
        if not is_editable:
            freeze(form)
        history = audit.history(session, noun.module.THING, stored[noun.key])
        return form_page(
            noun.card, form, noun=noun, stored=stored, key=stored[noun.key], history=history, **shown
        )

    if noun.deletable:

        @pages.post("/<key>/delete")
        def delete(key: str) -> Answer:
            actor = guard.check_role(noun.writes)
            session = database.session()
            thing = noun.module.get(session, key, lock=True)
            name = getattr(thing, noun.key)
            if not guard.confirmed():
                return guard.ask(
                    gettext(
                        "Delete %(thing)s “%(key)s”? This cannot be undone.", thing=noun.singular, key=name
                    ),
                    title=gettext("Delete"),
                    yes=gettext("Delete"),
                    back=noun.url("card", key=name),
                )
            try:
                noun.module.delete(session, thing, actor=actor)
            except Refusal as refusal:
                database.undo()
                flash(messages.refusal_message(refusal), "bad")
                return redirect(noun.url("card", key=name), 303)  # type: ignore[return-value]
            flash(gettext("%(thing)s “%(key)s” has been deleted.", thing=noun.singular, key=name), "good")
            return redirect(noun.url("index"), 303)  # type: ignore[return-value]

    return pages


def _form_of(noun: Noun, stored: Stored) -> RecordForm:
    """Make the form of a record: as stored, or (POST) as typed."""
    form = noun.form(data=stored)
    if request.method == "GET":
        form.etag.data = etag_of(stored, noun.module.STORED)
    for name in form.fixed:
        form[name].render_kw = {**(form[name].render_kw or {}), "readonly": True}
        form[name].hint = None
    return form


def _save(noun: Noun, session: Session, thing: Any, stored: Stored, form: RecordForm) -> bool:
    """Save what was typed; tell whether it was taken, else the form says why."""
    change = noun.change or noun.module.change
    return save_once(
        form,
        etag_of(stored, noun.module.STORED),
        lambda: change(session, thing, values=form.changes(stored), actor=identity.required()),
    )


def attempt(form: RecordForm, step: Callable[[], Any]) -> Any:
    """Do `step`; if it is refused or a field cannot be read, undo it, show the faults and give None."""
    try:
        done = step()
    except Refusal as refusal:
        database.undo()
        show_faults(form, refusal)
        return None
    if form.unreadable():
        database.undo()
        show_faults(form)
        return None
    return done


def attempt_once(form: RecordForm, step: Callable[[], object]) -> str | None:
    """Do `step` as `attempt` does, once for a form that is sent twice; give the key it gives, or None if refused."""
    if not request.form.get(form.shown_as.name):
        return attempt(form, lambda: str(step()))  # type: ignore[no-any-return]
    return attempt(form, lambda: made_once(identity.required(), step))  # type: ignore[no-any-return]


def save_once(form: RecordForm, etag: str, step: Callable[[], object]) -> bool:
    """Do `step` as `attempt_once` does if the form shows the record as it is; tell whether it was taken.

    A form that is sent twice is taken the second time as well, although it is the form's own work that it meets.

    Parameters
    ----------
    etag
        Tag of the record as it is.
    """

    def save() -> object:
        if form.etag.data != etag:
            raise _StaleError()
        return step()

    try:
        return attempt_once(form, save) is not None
    except _StaleError:
        database.undo()
        stale(form, etag)
        return False


class _StaleError(Exception):
    """The record is not as the form shows it."""


def stale(form: RecordForm, etag: str) -> None:
    """Say that somebody else has changed the record; saving again then overwrites on purpose."""
    form.form_errors.append(
        gettext(
            "Somebody else has changed this record since you opened it. Your input is still here: save again to "
            "keep it, or reload the page to see theirs."
        )
    )
    form.etag.data = etag
    form.etag.raw_data = None


def freeze(form: RecordForm) -> None:
    """Show a form without letting anything be typed."""
    for field in form.value_fields():
        parts = (
            [part for entry in field.entries for part in entry.form] if hasattr(field, "entries") else [field]
        )
        for part in parts:
            part.render_kw = {**(part.render_kw or {}), "disabled": True}
    form.frozen = True


def form_page(template: str, form: RecordForm, **values: Any) -> Answer:
    """Render a page with a form; 422 when it carries faults, so that nothing of the request is kept."""
    is_refused = bool(form.form_errors or form.faulty_fields())
    if is_refused:
        form.renew()
    page = render_template(template, form=form, **values)
    status = 422 if is_refused else 200
    return make_response(page, status)
