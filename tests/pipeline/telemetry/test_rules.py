"""The alert rules and the dashboard, over the metrics that a real night wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.telemetry.textfile import read
from schemas.telemetry import metrics
from schemas.telemetry.metrics import METRICS, Metric
from tests.support.command import ROOT
from tests.support.night import Night
from tests.support.promql import Point, Query

_FOLDER = ROOT / "configs/monitoring"
_RULES = [
    rule
    for group in yaml.safe_load((_FOLDER / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
_DASHBOARD: dict[str, Any] = json.loads((_FOLDER / "grafana-dashboard.json").read_text())
_PANELS = [panel for panel in _DASHBOARD["panels"] if panel["type"] != "row"]
#: A series of a night: its metric, and its labels besides `dataset`.
Series = tuple[Metric, tuple[str, ...]]
_HOUR, _DAY = 3600.0, 86400.0
#: What differs in a healthy night from that of the tests, whose instants are fixed and whose last run fails.
#: Values of times are seconds before now.
_HEALTHY: dict[Series, float] = {
    (metrics.LAST_EXIT_CODE, ("run",)): 0,
    (metrics.LAST_RUN, ("run",)): -1 * _HOUR,
    (metrics.LAST_SUCCESS, ("run",)): -1 * _HOUR,
    (metrics.LAST_SUCCESS, ("expire",)): -1 * _DAY,
    (metrics.SNAPSHOT_TIME, ()): -6 * _HOUR,
    (metrics.NEWEST_INPUT, ()): -2 * _HOUR,
    (metrics.LATENESS, ()): 600,
    (metrics.UNDECIDED_USERS, ()): 0,
    (metrics.ERASURE_UNKNOWN, ()): 0,
    (metrics.QUARANTINED_SHARE, ()): 0.001,
}
_RUN = ("run",)
#: For each alert a change of a healthy night that fires it alone; None removes the series.
_FIRES: dict[str, dict[Series, float | None]] = {
    "ChatsieveRefusedSessionsEligible": {(metrics.REFUSED_ELIGIBLE, ("nothing",)): 1},
    "ChatsieveConsentStale": {(metrics.SNAPSHOT_TIME, ()): -37 * _HOUR},
    "ChatsieveConsentOldAtDecision": {(metrics.SNAPSHOT_AGE, ()): 25 * _HOUR},
    "ChatsieveUndecidedAfterDeadline": {(metrics.UNDECIDED_USERS, ()): 1},
    "ChatsieveResidualFindings": {(metrics.RESIDUAL_SESSIONS, ("dropped",)): 1},
    "ChatsieveVerifyFindings": {(metrics.VERIFY_FINDINGS, ("residual",)): 1},
    "ChatsieveErasureFailed": {(metrics.LAST_EXIT_CODE, ("forget",)): 3},
    "ChatsieveErasurePending": {(metrics.ERASURE_PENDING, ("forget",)): 1},
    "ChatsieveErasureUnknownIds": {(metrics.ERASURE_UNKNOWN, ()): 1},
    "ChatsieveExpiryOverdue": {(metrics.LAST_SUCCESS, ("expire",)): -36 * _DAY},
    "ChatsieveNoSuccessfulRun": {(metrics.LAST_SUCCESS, _RUN): -27 * _HOUR},
    "ChatsieveNeverSucceeded": {(metrics.LAST_SUCCESS, _RUN): None},
    "ChatsieveNoMetrics": {(metrics.LAST_RUN, _RUN): None},
    "ChatsieveRunFailed": {(metrics.LAST_EXIT_CODE, _RUN): 3},
    "ChatsieveRunRefused": {(metrics.LAST_EXIT_CODE, _RUN): 2},
    "ChatsieveRunLater": {(metrics.LAST_EXIT_CODE, _RUN): 4},
    "ChatsieveThresholdCrossed": {(metrics.THRESHOLDS_CROSSED, ()): 1},
    "ChatsieveQuarantineHigh": {(metrics.QUARANTINED_SHARE, ()): 0.26},
    "ChatsieveReasonMoved": {(metrics.REASON_MOVED, ("opted_out",)): -0.11},
    "ChatsieveLogsLate": {(metrics.NEWEST_INPUT, ()): -27 * _HOUR},
    "ChatsieveDaysMissing": {(metrics.MISSING_DATES, ()): 1},
    "ChatsieveCommittedLate": {(metrics.LATENESS, ()): 27 * _HOUR},
    "ChatsieveNothingEligible": {(metrics.SESSIONS, ("eligible", "eligible")): 0},
}
_NOW = 1_800_000_000.0


def _points(*files: Path) -> Iterator[Point]:
    """The samples of files of one dataset; those of the first file win."""
    seen = set()
    for file in files:
        for sample in read(file):
            key = (sample.metric, sample.labels)
            if key not in seen:
                seen.add(key)
                yield _point(sample.metric, sample.labels, sample.value)


def _point(metric: Metric, labels: tuple[str, ...], value: float) -> Point:
    pairs = zip(metric.labels, labels, strict=True)
    return Point(metric.name, frozenset({("dataset", "chat"), *pairs}), value)


def _changed(points: list[Point], changes: dict[Series, float | None]) -> list[Point]:
    given = {}
    for (metric, labels), value in changes.items():
        moment = metric.base.endswith("timestamp") and value is not None
        point = _point(metric, labels, _NOW + value if moment and value is not None else value or 0)
        given[point.name, point.labels] = None if value is None else point
    kept = [point for point in points if (point.name, point.labels) not in given]
    return [*kept, *(point for point in given.values() if point is not None)]


def _firing(points: list[Point]) -> set[str]:
    return {rule["alert"] for rule in _RULES if Query(rule["expr"], points, _NOW).value}


@pytest.fixture(scope="session")
def written(night: Night) -> list[Point]:
    """What the commands of a night wrote; an audit has a comparison, the first run has none."""
    return list(_points(night.metrics / "chat.prom", night.metrics / "audit.prom"))


@pytest.mark.parametrize("rule", _RULES, ids=[rule["alert"] for rule in _RULES])
def test_every_series_of_a_rule_is_written(written: list[Point], rule: dict[str, Any]) -> None:
    """An alert on a series that does not exist never fires."""
    query = Query(rule["expr"], written, _NOW)
    assert [text for text, found in query.selected.items() if not found] == []
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["labels"]["team"] in ("privacy", "operations")


def test_a_healthy_night_fires_no_alert(written: list[Point]) -> None:
    """An alert that is always on is one that nobody reads."""
    assert _firing(_changed(written, {**_HEALTHY})) == set()


@pytest.mark.parametrize("alert", [rule["alert"] for rule in _RULES])
def test_an_alert_fires_for_its_cause_alone(written: list[Point], alert: str) -> None:
    """The name of the alert must lead to the cause."""
    assert _firing(_changed(written, {**_HEALTHY, **_FIRES[alert]})) == {alert}


@pytest.mark.parametrize("panel", _PANELS, ids=[panel["title"] for panel in _PANELS])
def test_every_series_of_a_panel_is_written(written: list[Point], panel: dict[str, Any]) -> None:
    """A panel without data looks like a night without trouble."""
    for target in panel["targets"]:
        query = Query(target["expr"].replace("$dataset", ".*"), written, _NOW)
        assert [text for text, found in query.selected.items() if not found] == []
        labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        for found in (query.value, *query.selected.values()):
            assert isinstance(found, dict)
        shown = [set(dict(each)) for each in query.value]  # type: ignore[union-attr]
        assert all(labels <= each for each in shown)


def test_every_metric_is_on_the_dashboard_or_in_a_rule() -> None:
    """A metric that nobody sees need not be written."""
    queries = "\n".join(
        (*(rule["expr"] for rule in _RULES), *(t["expr"] for panel in _PANELS for t in panel["targets"]))
    )
    unseen = {metric.name for metric in METRICS if not re.search(rf"\b{metric.name}\b", queries)}
    assert unseen == {metrics.AS_OF.name, metrics.NEWEST_DAY.name}


def test_panels_have_ids_and_do_not_overlap() -> None:
    """Grafana moves panels that overlap, and loses one of two with the same id."""
    panels = _DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize(
    "text",
    ["chatsieve_records >", "up", "sum(chatsieve_records)", "chatsieve_records)", "rate(a[5m])", "1 % 2"],
)
def test_a_query_that_is_not_understood_is_an_error(text: str) -> None:
    """The check of queries must be able to fail."""
    with pytest.raises(SyntaxError):
        Query(text, [], _NOW)
