"""A collector on loopback: receives OTLP over HTTP and keeps what the requests say."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.http_service import QuietHandler, serving

_REQUESTS = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}


@dataclasses.dataclass
class Collector:
    """Its address, and the requests that it received, by path."""

    address: str = ""
    requests: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    headers: list[str] = dataclasses.field(default_factory=list)

    def spans(self) -> list[Any]:
        """All spans received."""
        return [
            span
            for request in self.requests.get("/v1/traces", [])
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def gauges(self) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
        """The value of each metric by its attributes."""
        found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
        for request in self.requests.get("/v1/metrics", []):
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        for point in metric.gauge.data_points:
                            labels = tuple((each.key, each.value.string_value) for each in point.attributes)
                            value = point.as_double or float(point.as_int)
                            found.setdefault(metric.name, {})[labels] = value
        return found

    def everything(self) -> str:
        """All requests and headers as text."""
        requests = (str(request) for found in self.requests.values() for request in found)
        return "\n".join((*self.headers, *requests))


@contextlib.contextmanager
def collecting(collector: Collector) -> Iterator[Collector]:
    """A collector that accepts everything, until the end of the block."""

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.requests.setdefault(self.path, []).append(_REQUESTS[self.path].FromString(body))
            collector.headers.append(str(self.headers))
            self.send_response(200)
            self.end_headers()

    with serving(Handler) as collector.address:
        yield collector
