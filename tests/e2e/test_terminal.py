"""The progress and final table on a terminal; other outputs do not get them."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from tests.support.command import COMMAND, Corpus, chatsieve, current

pytestmark = pytest.mark.e2e

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
BAR = re.compile(
    r"^(?P<stage>[A-Z][a-z -]+?) +\S+ (?P<sessions>[\d,]+) sessions +(?P<size>[\d,.]+ MB)? *"
    r"(?P<rate>[\d,]+/s)? *(?P<left>\d+:\d\d:\d\d left)? *$"
)


def on_terminal(*arguments: object, columns: int = 80) -> tuple[int, list[str]]:
    """The exit code, and every line that the command ever drew on a terminal of that width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [str(COMMAND), *map(str, arguments)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**environment, "TERM": "xterm-256color"},
    )
    os.close(slave)
    drawn = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # Linux raises this when the other side is closed
            break
        if not data:
            break
        drawn += data
    os.close(master)
    lines = re.split(r"[\r\n]+", ESCAPES.sub("", drawn.decode()))
    return process.wait(), [line for line in lines if line.strip()]


@pytest.mark.faults
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_shows_stage_sessions_size_rate_and_time_left(
    corpus: Corpus, tmp_path: Path, workers: int
) -> None:
    """In each local mode: with workers in this process and with worker processes."""
    code, lines = on_terminal(
        "run", "-c", corpus.config, "--output", tmp_path / "out", "--set", f"runner.workers={workers}"
    )
    assert code == 0
    bars = [found for found in map(BAR.match, lines) if found]
    assert {"Reading", "De-identifying"} <= {bar["stage"] for bar in bars}
    masking = [bar for bar in bars if bar["stage"] == "De-identifying"]
    assert any(bar["size"] and bar["rate"] and bar["left"] for bar in masking)
    shown = [int(bar["sessions"].replace(",", "")) for bar in masking]
    assert shown == sorted(shown)
    report = json.loads((current(tmp_path / "out") / "report/report.json").read_text())
    assert 0 < shown[-1] <= report["residual"]["sessions"]
    read = max(int(bar["sessions"].replace(",", "")) for bar in bars if bar["stage"] == "Reading")
    assert 0 <= read <= report["counts"]["records"]


def test_the_last_table_fits_80_columns_and_equals_the_report(corpus: Corpus, tmp_path: Path) -> None:
    """Every reason with its number and share; a wider terminal gets the same."""
    out = tmp_path / "o"
    code, lines = on_terminal("audit", "-c", corpus.config, "--output", out, columns=200)
    assert code == 0
    report = json.loads((current(out) / "report/report.json").read_text())
    start = next(n for n, line in enumerate(lines) if line.startswith("decision"))
    table = lines[start + 1 : start + 1 + len(report["reasons"])]
    for line, row in zip(table, report["reasons"], strict=True):
        share = f"{row['sessions'] / report['counts']['ledger_rows']:.1%}"
        assert line.split() == [
            row["decision"],
            row["reason"],
            *([row["clause"]] if row["clause"] else []),
            f"{row['sessions']:,}",
            share,
        ]
    assert max(map(len, lines[start : start + len(table) + 1])) <= 80


def test_no_progress_is_drawn_without_a_terminal(corpus: Corpus, tmp_path: Path) -> None:
    """A log file gets one line; standard output stays empty."""
    done = chatsieve("audit", "-c", corpus.config, "--output", tmp_path / "out")
    assert done.returncode == 0
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("audit: ")
    assert line.endswith(f"{current(tmp_path / 'out')}/report/report.html")


def test_json_output_is_one_document(corpus: Corpus, tmp_path: Path) -> None:
    """Programs read it: the stored report and its location."""
    done = chatsieve("audit", "-c", corpus.config, "--output", tmp_path / "out", "--json")
    assert done.returncode == 0
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document.pop("path") == str(tmp_path / "out")
    assert document.pop("folder") == str(current(tmp_path / "out"))
    assert document == json.loads((current(tmp_path / "out") / "report/report.json").read_text())


def test_quiet_is_quiet_on_a_terminal_too(corpus: Corpus, tmp_path: Path) -> None:
    """Not a line."""
    assert on_terminal("audit", "-c", corpus.config, "--output", tmp_path / "o", "--quiet") == (0, [])


def test_a_finished_run_leaves_no_terminal_output_in_a_pipe(
    finished: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    """The run that the other tests share was started without a terminal."""
    assert "\x1b" not in finished[1].stdout + finished[1].stderr
