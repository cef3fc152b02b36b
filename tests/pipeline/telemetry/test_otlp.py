"""OpenTelemetry: what a collector receives, and that no collector can harm a run."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from pipeline.telemetry import otlp
from pipeline.telemetry.textfile import read
from schemas.telemetry import metrics
from schemas.telemetry.metrics import Sample
from tests.support.collector import Collector, collecting
from tests.support.http_service import QuietHandler, serving
from tests.support.night import Night

_SPAN = otlp.Stretch("chatsieve run", 1, 2, {"chatsieve.command": "run"})
_SAMPLE = Sample(metrics.RECORDS, (), 7)


def _send(**environment: str) -> str | None:
    return otlp.send(environment, "ab" * 16, [_SPAN], [_SAMPLE])


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound that a test can wait for."""
    monkeypatch.setattr(otlp, "BOUND_SECONDS", 0.3)


def test_a_run_is_a_trace_with_its_stages(night: Night) -> None:
    """The trace has the id of the log lines, so one leads to the other."""
    run_id = night.lines("run")[0]["run_id"]
    spans = [span for span in night.collector.spans() if span.trace_id.hex() == run_id]
    root = next(span for span in spans if not span.parent_span_id)
    attributes = {each.key: each.value for each in root.attributes}
    assert root.name == "chatsieve run"
    assert attributes["chatsieve.eligible"].int_value == night.counts()["decisions"]["eligible"]
    assert attributes["chatsieve.version"].int_value == 1
    stages = {span.name: span for span in spans if span.parent_span_id}
    assert sorted(stages) == [
        f"stage {name}"
        for name in ("de-identifying", "deciding", "reading", "writing_ledger", "writing_shards")
    ]
    for span in stages.values():
        assert span.parent_span_id == root.span_id
        assert root.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= root.end_time_unix_nano


def test_a_refused_run_is_a_trace_with_an_error(night: Night) -> None:
    """The class of the error is sent, not its message."""
    run_id = night.lines("refused")[0]["run_id"]
    (span,) = [span for span in night.collector.spans() if span.trace_id.hex() == run_id]
    attributes = {each.key: each.value.string_value for each in span.attributes}
    assert span.status.code == span.status.STATUS_CODE_ERROR
    assert attributes["error.type"] == "OutputError"


def test_metrics_are_those_of_the_text_file(night: Night) -> None:
    """Two dashboards of one run must agree."""
    gauges = night.collector.gauges()
    for sample in read(night.metrics / "audit.prom"):
        if sample.metric.labels != ("command",) or sample.labels == ("audit",):
            labels = tuple(zip(sample.metric.labels, sample.labels, strict=True))
            assert labels in gauges[sample.metric.otel_name]


def test_the_resource_has_this_program_and_the_given_attributes(night: Night) -> None:
    """Nothing of process and host: a command line can have an id."""
    (request, *_) = night.collector.requests["/v1/traces"]
    found = {each.key: each.value.string_value for each in request.resource_spans[0].resource.attributes}
    assert set(found) == {"service.name", "service.version", "deployment.environment"}
    assert found["service.name"] == "chatsieve"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"},
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
        },
    ],
)
def test_nothing_is_sent_unless_asked_for(environment: dict[str, str]) -> None:
    """Sending is opt-in, by the standard variables."""
    assert otlp.signals(environment) == []
    assert _send(**environment) is None


def test_one_signal_can_be_sent_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces and metrics often have collectors of their own."""
    with collecting(Collector()) as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", f"{collector.address}/v1/metrics")
        assert _send(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="given") is None
    assert list(collector.requests) == ["/v1/metrics"]
    assert collector.gauges() == {"chatsieve.records": {(): 7.0}}


def test_another_protocol_is_named() -> None:
    """A collector for gRPC alone would never get anything."""
    sent = _send(OTEL_EXPORTER_OTLP_ENDPOINT="http://x", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert sent == "OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf can be sent"


@pytest.fixture
def slow() -> Iterator[str]:
    """A collector that does not answer before the test ends."""
    over = threading.Event()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            over.wait()

    with serving(Handler) as address:
        yield address
        over.set()


@pytest.fixture
def refusing() -> Iterator[str]:
    """A collector that answers 503, for which a client is to try again."""

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            self.send_response(503)
            self.send_header("Retry-After", "600")
            self.end_headers()

    with serving(Handler) as address:
        yield address


@pytest.fixture
def down() -> Iterator[str]:
    """An address at which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("kind", ["slow", "refusing", "down"])
def test_a_bad_collector_costs_one_sentence(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`send` returns while the collector still holds the request, or says no for ten minutes."""
    address = request.getfixturevalue(kind)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    sent = _send(OTEL_EXPORTER_OTLP_ENDPOINT=address)
    assert sent == "the collector did not accept traces and metrics"


def test_a_fault_of_the_library_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """An update of the library must not cost a night."""

    def fail(*_: object) -> None:
        raise TypeError("zzofqa")

    monkeypatch.setattr(otlp, "_send_spans", fail)
    monkeypatch.setattr(otlp, "_send_metrics", lambda _: True)
    assert _send(OTEL_EXPORTER_OTLP_ENDPOINT="http://x") == "the collector did not accept traces"
