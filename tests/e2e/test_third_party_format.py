"""A format of another package: ten lines as CONTRIBUTING shows them, registered by an entry point."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.command import Corpus, chatsieve, current, table_of

pytestmark = pytest.mark.e2e
GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"
AT = "2026-01-05T10:00:00Z"


def shown() -> str:
    """The class as the guide has it."""
    (code,) = re.findall(r"```python\n(import chatsieve\n.*?)```", GUIDE.read_text(), re.S)
    return code


def installed(folder: Path, code: str, point: str = "tabchat = my_formats:TabChat") -> dict[str, str]:
    """The environment in which a package with this module and entry point is installed."""
    info = folder / "my_formats-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "my_formats.py").write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-formats\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[chatsieve.sources]\n{point}\n")
    return {"PYTHONPATH": str(folder)}


def audit(
    corpus: Corpus, path: Path, out: Path, environment: dict[str, str], workers: int = 1
) -> tuple[int, str]:
    settings = [
        "inputs=[{path: " + str(path) + ", format: tabchat, defaults: {tier: free, surface: chat}}]",
        f"runner.workers={workers}",
        "limits.max_quarantined_fraction=1",
    ]
    more = [argument for setting in settings for argument in ("--set", setting)]
    done = chatsieve(
        "audit", "-c", corpus.config, "--output", out, "--quiet", *more, fresh=workers > 1, **environment
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_the_ten_lines_of_the_guide_are_a_format(corpus: Corpus, tmp_path: Path, workers: int) -> None:
    """In this process and in worker processes: each record is decided, and a bad one quarantined."""
    environment = installed(tmp_path / "site", shown())
    lines = [f"c{n}\tu{n}\t{AT}\thow are you\tfine" for n in range(1500)]
    lines[7] = "c7\tu7\tyesterday\thow\tfine"
    (tmp_path / "log.tsv").write_text("\n".join(lines) + "\n")
    code, errors = audit(corpus, tmp_path / "log.tsv", tmp_path / "out", environment, workers)
    assert (code, errors) == (0, "")
    rows = table_of(tmp_path / "out", "ledger")
    assert len(rows) == 1500
    assert [row["reason"] for row in rows if row["decision"] == "quarantined"] == ["bad_timestamp"]
    assert {row["reason"] for row in rows} == {"no_consent_record", "bad_timestamp"}


def test_inspect_detects_the_format_from_its_first_records(tmp_path: Path) -> None:
    """Whoever installed a package need not name its format; other files are not taken for it."""
    environment = installed(tmp_path / "site", shown())
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/a.tsv").write_text(f"c1\tu1\t{AT}\thow are you\tfine\n")
    (tmp_path / "logs/b.tsv").write_text("a line of something else\n")
    done = chatsieve("inspect", tmp_path / "logs", "--json", **environment)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [(each["format"], each["sessions"]) for each in document["formats"]] == [("tabchat", 1)]
    assert document["not_recognized"] == {".tsv": 1}


def test_an_exception_of_the_format_ends_only_its_file(corpus: Corpus, tmp_path: Path) -> None:
    """Records before the bad line are used. The rest is one entry, without text of the line."""
    environment = installed(tmp_path / "site", shown())
    (tmp_path / "a.tsv").write_text(f"c1\tu1\t{AT}\ta\tb\nCANARY of a line\nc2\tu2\t{AT}\ta\tb\n")
    (tmp_path / "b.tsv").write_text(f"c3\tu3\t{AT}\ta\tb\n")
    code, errors = audit(corpus, tmp_path / "*.tsv", tmp_path / "out", environment)
    assert (code, errors) == (0, "")
    reasons = sorted(row["reason"] for row in table_of(tmp_path / "out", "ledger"))
    assert reasons == ["no_consent_record", "no_consent_record", "truncated_input"]
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"CANARY" not in written
    quarantine = current(tmp_path / "out") / "quarantine"
    (entry,) = [json.loads(line) for path in quarantine.iterdir() for line in path.open()]
    assert entry["locator"] == "item 1"


def test_a_run_reads_the_text_of_such_a_format(corpus: Corpus, tmp_path: Path) -> None:
    """The words arrive in the training rows, masked; authorised by their organisation's default."""
    environment = installed(tmp_path / "site", shown())
    users = [json.loads(line) for line in (corpus.path / "truth/decisions.jsonl").open()]
    user = next(row["user_id"] for row in users if row["reason"] == "eligible" and row["user_id"])
    (tmp_path / "log.tsv").write_text(
        f"c1\t{user}\t2026-02-20T10:00:00Z\tmail bob@example.com please\tdone\n"
    )
    more = (
        "inputs=[{path: "
        + str(tmp_path / "log.tsv")
        + ", format: tabchat, defaults: {tier: free, surface: chat}}]"
    )
    out = tmp_path / "out"
    done = chatsieve("run", "-c", corpus.config, "--output", out, "--quiet", "--set", more, **environment)
    assert done.returncode == 0, done.stderr
    (row,) = table_of(out, "data")
    text = json.dumps(row, default=str)
    assert "please" in text
    assert "bob@example.com" not in text


@pytest.mark.parametrize(
    ("code", "point", "errors"),
    [
        (
            "1 / 0",
            "tabchat = my_formats:TabChat",
            "format tabchat: my_formats:TabChat cannot be loaded (ZeroDivisionError)",
        ),
        (
            "",
            "tabchat = my_formats:TabChat",
            "format tabchat: my_formats:TabChat cannot be loaded (AttributeError)",
        ),
        (
            "",
            "other = my_formats:TabChat",
            ", other",
        ),
    ],
)
def test_an_invalid_format_is_refused_in_one_line(
    corpus: Corpus, tmp_path: Path, code: str, point: str, errors: str
) -> None:
    """The refusal comes before any input is read and names the format."""
    environment = installed(tmp_path / "site", code, point)
    (tmp_path / "log.tsv").write_text("x\n")
    status, line = audit(corpus, tmp_path / "log.tsv", tmp_path / "out", environment)
    assert status == 2
    assert line.count("\n") == 1
    assert errors in line
