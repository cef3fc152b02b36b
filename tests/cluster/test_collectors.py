"""Collectors that are down, slow or refuse, against the installed command."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from tests.support.command import chatsieve
from tests.support.http_service import QuietHandler, serving

pytestmark = pytest.mark.cluster

_LINE = "chatsieve: telemetry was not sent: the collector did not accept traces and metrics"


@pytest.mark.parametrize("kind", ["slow", "refusing", "down"])
def test_a_bad_collector_costs_one_line_and_no_exit_code(finished: tuple[Path, object], kind: str) -> None:
    """The schedule must not depend on the monitoring."""
    over = threading.Event()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            if kind == "slow":
                over.wait()
            self.send_response(503)
            self.end_headers()

    out = finished[0]
    with serving(Handler) as address:
        given = "http://127.0.0.1:1" if kind == "down" else address
        text = chatsieve("gc", out, "--keep", 9, fresh=True, OTEL_EXPORTER_OTLP_ENDPOINT=given)
        log = chatsieve(
            *("gc", out, "--keep", 9, "--log-format", "json"),
            fresh=True,
            OTEL_EXPORTER_OTLP_ENDPOINT=given,
        )
        over.set()
    assert (text.returncode, log.returncode) == (0, 0)
    assert text.stderr.splitlines() == [f"{out}: nothing to remove", _LINE]
    events = [json.loads(line) for line in log.stderr.splitlines()]
    assert [line.get("code", line["event"]) for line in events] == [
        "run.started",
        "versions.removed",
        "telemetry_not_sent",
        "run.finished",
    ]


def test_only_lines_of_json_come_from_a_run_with_worker_processes(corpus: object, tmp_path: Path) -> None:
    """Worker processes and the runner have logs of their own."""
    done = chatsieve(
        *("run", "-c", corpus.config, "--output", tmp_path / "out"),  # type: ignore[attr-defined]
        *("--set", "runner.workers=2", "--log-format", "json"),
        fresh=True,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    stages = {line["stage"] for line in lines if line["event"] == "stage.finished"}
    assert done.returncode == lines[-1]["exit_code"] == 0
    assert stages == {"reading", "deciding", "de-identifying", "writing_ledger", "writing_shards"}
