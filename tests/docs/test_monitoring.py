"""Metrics, alerts, dashboard and runbook speak of the same things, and of nothing that is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from domain.settings import Settings
from ops.commands import ROOT
from tests.docs.markdown import prose, text_of
from web import create_app

OPERATIONS = ROOT / "docs" / "operations.md"
MONITORING = ROOT / "docs" / "monitoring"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
BOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
TARGETS = [
    (panel["title"], target["expr"]) for panel in BOARD["panels"] for target in panel.get("targets", ())
]
EXPRESSIONS = [(rule["alert"], rule["expr"]) for rule in RULES] + TARGETS
METRIC = re.compile(r"\binterlog_\w+")
# What Prometheus makes of a histogram and a counter.
SERIES = re.compile(r"_(bucket|sum|count|total|created)$")
LABELS_OF_PROMETHEUS = {"le"}
LOUD = re.compile(r"log\.(?:warning|error|exception)\(\s*(.+?)(?:,|\)$)", re.MULTILINE)


@pytest.fixture
def app(fresh_db: str, redis_url: str) -> Iterator[Flask]:
    made = create_app(Settings(DATABASE_URL=fresh_db, REDIS_URL=redis_url, secret_key="a key for tests"))
    yield made
    made.extensions["database"].close()


@pytest.fixture
def exposed(app: Flask) -> dict[str, set[str]]:
    """The metrics that a service gives which has just begun, with the labels of each."""
    app.extensions["broker"].send_hint()
    app.test_client().get("/api/v1/me")
    return families(app.test_client().get("/metrics").text)


def families(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels}
        found[name] = labels - LABELS_OF_PROMETHEUS
    return found


def documented() -> dict[str, set[str]]:
    rows = re.findall(r"^\| `(interlog_\w+)` \|([^|]*)\|", text_of(OPERATIONS), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def test_every_metric_is_documented_and_every_documented_one_is_there(exposed: dict[str, set[str]]) -> None:
    assert exposed.keys() == documented().keys()
    for name, labels in exposed.items():
        assert labels == documented()[name], name


def test_metrics_of_what_is_away_are_left_out(fresh_db: str, redis_url: str) -> None:
    away = {
        "postgresql://nobody@127.0.0.1:1/nothing": redis_url,
        fresh_db: "redis://127.0.0.1:1/0",
    }
    for database_url, broker_url in away.items():
        app = create_app(Settings(DATABASE_URL=database_url, REDIS_URL=broker_url, secret_key="a key"))
        text = app.test_client().get("/metrics").text
        database_is_up = int(database_url == fresh_db)
        assert f"interlog_database_up {database_is_up}.0" in text
        assert f"interlog_broker_up {1 - database_is_up}.0" in text
        assert ("interlog_open_chunks" in text) is bool(database_is_up)
        assert ("interlog_stream_lag" in text) is not bool(database_is_up)
        app.extensions["database"].close()


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS])
def test_an_expression_names_metrics_and_labels_that_there_are(where: str, expression: str) -> None:
    metrics = documented()
    named = METRIC.findall(expression)
    assert named, where
    allowed: set[str] = set(LABELS_OF_PROMETHEUS)
    for name in named:
        known = name if name in metrics else SERIES.sub("", name)
        assert known in metrics, name
        allowed |= metrics[known]
    matchers = re.findall(r"[{,]\s*(\w+)\s*(?:=~|!~|!=|=)", expression)
    grouped = [label for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(", ")]
    assert set(matchers + grouped) <= allowed, where
    for opening, closing in ("()", "[]", "{}"):
        assert expression.count(opening) == expression.count(closing), where


def test_values_of_labels_that_expressions_name_exist(app: Flask, exposed: dict[str, set[str]]) -> None:
    """Those that are few: a rule on a state that is called otherwise would never fire."""
    text = app.test_client().get("/metrics").text
    for where, expression in EXPRESSIONS:
        for label, values in re.findall(r'\b(state|outcome|result|queue)=~?"([^"]+)"', expression):
            for value in values.split("|"):
                assert re.search(rf'\b{label}="{value}"', text) or value == "lost", (where, value)


def test_every_alert_leads_to_its_entry_and_every_entry_has_an_alert() -> None:
    linked = set()
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning"), rule
        assert rule["annotations"]["summary"], rule
        document, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert ROOT / document == OPERATIONS
        linked.add(anchor)
    section = prose(OPERATIONS).split("\n## Alarms\n")[1].split("\n## ")[0]
    entries = {title.lower().replace(" ", "-") for title in re.findall(r"^### (.+)$", section, re.MULTILINE)}
    assert linked == entries - {"warnings-in-the-logs"}
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_every_warning_that_is_logged_is_in_the_runbook() -> None:
    said = prose(OPERATIONS).split("\n### Warnings in the logs\n")[1]
    documented_events = set(re.findall(r"`([^`]+)`", said.split("\n## ")[0]))
    sources = [path for layer in ("domain", "web", "worker") for path in (ROOT / layer).rglob("*.py")]
    found = {
        event
        for path in sources
        for first in LOUD.findall(path.read_text())
        for event in re.findall(r'"([^"]+)"', first)
    }
    assert len(found) > 10
    assert found <= documented_events, sorted(found - documented_events)


def test_every_panel_has_a_place_of_its_own() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids))
    places = [
        (panel["gridPos"]["x"], panel["gridPos"]["y"], panel["gridPos"]["w"]) for panel in BOARD["panels"]
    ]
    assert len(places) == len(set(places))
    assert all(x + w <= 24 for x, _, w in places)


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {SERIES.sub("", name) for _, expression in TARGETS for name in METRIC.findall(expression)}
    assert {SERIES.sub("", name) for name in documented()} == shown
