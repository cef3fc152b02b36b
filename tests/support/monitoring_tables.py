"""The tables of docs/reference/monitoring.md, from the registries of events and metrics."""

from __future__ import annotations

from schemas.telemetry.events import EVENTS, Event
from schemas.telemetry.metrics import METRICS, Metric


def events() -> list[str]:
    """One row an event: name, level, fields besides those of every line, meaning."""
    return ["| event | level | fields | meaning |", "| --- | --- | --- | --- |", *map(_event, EVENTS)]


def metrics() -> list[str]:
    """One row a metric: name in Prometheus, labels besides `dataset`, meaning."""
    return ["| metric | labels | meaning |", "| --- | --- | --- |", *map(_metric, METRICS)]


def _event(event: type[Event]) -> str:
    fields = ", ".join(f"`{name}`" for name in event.__struct_fields__)
    return f"| `{event.name}` | {event.level} | {fields} | {' '.join(str(event.__doc__).split())} |"


def _metric(metric: Metric) -> str:
    labels = ", ".join(f"`{name}`" for name in metric.labels)
    return f"| `{metric.name}` | {labels} | {metric.help} |"
