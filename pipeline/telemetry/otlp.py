"""OpenTelemetry: the traces and metrics of a command, sent over OTLP/HTTP when it has ended.

Off unless the standard variables name a collector (OTEL_EXPORTER_OTLP_ENDPOINT). A collector that is down or
slow costs the command `BOUND_SECONDS`, and never its result.
"""

from __future__ import annotations

import importlib.metadata
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.telemetry.metrics import UCUM, Sample

BOUND_SECONDS = 5.0
_ENDPOINT = "OTEL_EXPORTER_OTLP_{}ENDPOINT"
_PROTOCOL = "OTEL_EXPORTER_OTLP_{}PROTOCOL"
_SIGNALS = ("TRACES", "METRICS")
_SENT = "http/protobuf"


class Stretch(NamedTuple):
    """A span: its name, begin and end in nanoseconds since 1970, attributes, and the class of its error."""

    name: str
    begin: int
    end: int
    attributes: dict[str, str | int | float]
    error: str | None = None


def signals(environment: Mapping[str, str]) -> list[str]:
    """The signals to send, of TRACES and METRICS: those for which the environment names a collector."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    return [
        signal
        for signal in _SIGNALS
        if _either(environment, _ENDPOINT, signal)
        and environment.get(f"OTEL_{signal}_EXPORTER", "otlp").strip() == "otlp"
    ]


def send(
    environment: Mapping[str, str], run_id: str, spans: Sequence[Stretch], samples: Sequence[Sample]
) -> str | None:
    """Sends both signals; None, or one sentence on why something was not sent. Raises nothing.

    `run_id`: 32 hex digits, which become the trace id. The first span is the parent of the others.
    """
    wanted = signals(environment)
    if not wanted:
        return None
    if any(_either(environment, _PROTOCOL, signal) not in ("", _SENT) for signal in wanted):
        return f"OTEL_EXPORTER_OTLP_PROTOCOL: only {_SENT} can be sent"
    try:
        import opentelemetry.exporter.otlp.proto.http
        import opentelemetry.sdk  # noqa: F401
    except ImportError:
        return "OTEL_EXPORTER_OTLP_ENDPOINT is set, and the extra `otel` is not installed"
    for library in ("opentelemetry", "urllib3"):  # each try again would be a warning of its own
        logging.getLogger(library).setLevel(logging.CRITICAL)
    jobs = {"TRACES": lambda: _send_spans(run_id, spans), "METRICS": lambda: _send_metrics(samples)}
    accepted: list[str] = []
    threads = [
        threading.Thread(target=_try, args=(jobs[each], each, accepted), daemon=True) for each in wanted
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + BOUND_SECONDS
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    missing = [each.lower() for each in wanted if each not in accepted]
    return f"the collector did not accept {' and '.join(missing)}" if missing else None


def _either(environment: Mapping[str, str], name: str, signal: str) -> str:
    """The variable of a signal, else that of all signals."""
    own = environment.get(name.format(f"{signal}_"), "").strip()
    return own or environment.get(name.format(""), "").strip()


def _try(job: Callable[[], bool], signal: str, accepted: list[str]) -> None:
    try:
        if job():
            accepted.append(signal)
    except Exception:  # noqa: BLE001 - whatever the libraries raise, the command goes on
        return


def _resource() -> Any:
    """This program, and what OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME add; nothing of the process."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    own = {"service.name": "chatsieve", "service.version": importlib.metadata.version("chatsieve")}
    return Resource(own).merge(OTELResourceDetector().detect())


def _send_spans(run_id: str, spans: Sequence[Stretch]) -> bool:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    class OfRun(IdGenerator):
        def generate_trace_id(self) -> int:
            return int(run_id, 16)

        def generate_span_id(self) -> int:
            return random.SystemRandom().getrandbits(64) or 1

    made = InMemorySpanExporter()
    provider = TracerProvider(resource=_resource(), id_generator=OfRun(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(made))
    tracer = provider.get_tracer("chatsieve")
    first = None
    for each in spans:
        context = None if first is None else trace.set_span_in_context(first)
        span = tracer.start_span(each.name, context, attributes=each.attributes, start_time=each.begin)
        if each.error is not None:
            span.set_attribute("error.type", each.error)
            span.set_status(trace.Status(trace.StatusCode.ERROR))
        span.end(each.end)
        first = first or span
    result = OTLPSpanExporter(timeout=BOUND_SECONDS).export(made.get_finished_spans())
    return result is SpanExportResult.SUCCESS


def _send_metrics(samples: Iterable[Sample]) -> bool:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], resource=_resource(), shutdown_on_exit=False)
    meter = provider.get_meter("chatsieve")
    gauges: dict[str, Any] = {}
    for metric, labels, value in samples:
        if metric.otel_name not in gauges:
            unit = UCUM[metric.unit]
            gauges[metric.otel_name] = meter.create_gauge(metric.otel_name, unit, metric.help)
        gauges[metric.otel_name].set(value, dict(zip(metric.labels, labels, strict=True)))
    data = reader.get_metrics_data()
    return (
        data is None or OTLPMetricExporter(timeout=BOUND_SECONDS).export(data) is MetricExportResult.SUCCESS
    )
