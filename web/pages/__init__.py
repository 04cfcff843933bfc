"""The server-rendered pages. Each module is one noun; `register` gives them all to an application."""

from __future__ import annotations

from flask import Blueprint, Flask
from flask_bootstrap import Bootstrap5

from web.pages import (
    account,
    audit,
    campaigns,
    canceling,
    charts,
    contacts,
    criteria_words,
    document_events,
    errors,
    guard,
    guide,
    home,
    housekeeping,
    interaction_card,
    interaction_form,
    interaction_groups,
    interaction_templates,
    interactions,
    job_words,
    jobs,
    layout,
    list_actions,
    logged_segments,
    lookup,
    many_lines,
    number_series,
    personal_data,
    postponed,
    purge_schedules,
    purges,
    salespeople,
    saved_criteria,
    search,
    segment_criteria,
    segment_lines,
    segments,
    setup,
    sign_in,
    statistics,
    template_setup,
    timeline,
    tokens,
    users,
)

NOUNS = (
    home,
    search,
    charts,
    sign_in,
    account,
    guide,
    lookup,
    list_actions,
    contacts,
    timeline,
    personal_data,
    segments,
    segment_criteria,
    segment_lines,
    many_lines,
    saved_criteria,
    jobs,
    logged_segments,
    interactions,
    interaction_card,
    interaction_form,
    postponed,
    document_events,
    canceling,
    statistics,
    campaigns,
    salespeople,
    interaction_templates,
    interaction_groups,
    template_setup,
    setup,
    number_series,
    purges,
    purge_schedules,
    housekeeping,
    users,
    tokens,
    audit,
)


def register(app: Flask) -> None:
    """Give `app` its pages: blueprints, templates' helpers, the way errors are shown."""
    app.config.setdefault("BOOTSTRAP_SERVE_LOCAL", True)
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    Bootstrap5(app)
    layout.init_app(app)
    app.jinja_env.globals.update(
        criteria_words=criteria_words, job_words=job_words, jobs_under_way=jobs.under_way
    )
    errors.init_app(app)
    pages = Blueprint("pages", __name__)
    guard.protect(pages)
    for noun in NOUNS:
        pages.register_blueprint(noun.blueprint)
    app.register_blueprint(pages)
    sign_in.limit(app)
