"""Runs that take over what the version before has: what they open, and that a rebuild gives equal bytes."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.inputs.packaged import packaged_file
from tests.support.claude_code_logs import answer, line
from tests.support.command import chatsieve, current
from tests.support.days import KEY, Days, replaced, sums
from tests.support.logs_of_formats import AT, lines, sessions
from tests.support.opens_seen import OpensSeen
from tests.support.source_files import write_lines

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Days:
    """The first day of every format."""
    days = Days(tmp_path_factory.mktemp("days"))
    assert days.run() == {"from": None, "reason": "there is no version before this one"}
    return days


#: Files that could not be read to their end, or not as their format: the next run tries them again.
CUT = {"compressed/cut.jsonl.gz", "parquet/cut.parquet", "exports/cut.zip", "plain/text.jsonl"}


def test_only_new_and_changed_files_are_opened(first: Days) -> None:
    """Facts, digests and counts of all other files come from the state, those of empty ones too."""
    days = first
    write_lines(days.logs / "plain/a/two.jsonl", sessions(30, "v", "another day "))
    replaced(days.logs / "compressed/b.jsonl.zst", (days.logs / "compressed/a.jsonl.gz").read_bytes())
    (days.logs / "claude-code/-home-y/one.jsonl").unlink()
    (days.logs / "exports/y").mkdir()
    shutil.copy(days.logs / "exports/conversations.json", days.logs / "exports/y")
    opened = days.run_seen()
    changed = {"plain/a/two.jsonl", "compressed/b.jsonl.zst", "exports/y/conversations.json"}
    assert changed <= opened
    assert opened - changed <= CUT
    increment = days.increment
    assert 0 < increment["units_read"] < increment["units"] / 2
    days.assert_rebuilt("second")


@pytest.mark.faults
def test_a_group_of_linked_files_is_read_again_only_if_one_of_them_changed(tmp_path: Path) -> None:
    """Claude Code: links of known files are kept, so that a new file can join two groups of a folder."""
    days = Days(tmp_path, ("claude-code",))
    home = days.logs / "claude-code/-home-z"
    home.mkdir()
    for name in ("p", "q", "r"):
        start = line(f"{name}1", None, f"about {name}", timestamp=AT, sessionId=name)
        reply = answer(f"{name}2", f"{name}1", f"turn-{name}", timestamp=AT, sessionId=name)
        write_lines(home / f"{name}.jsonl", [start, reply])
    days.run()
    again = line("n1", "p2", "back to p", timestamp=AT, sessionId="n")
    also = line("n2", "q2", "and to q", timestamp=AT, sessionId="n")
    write_lines(home / "n.jsonl", [again, also])
    assert days.run_seen() == {f"claude-code/-home-z/{name}.jsonl" for name in ("n", "p", "q")}
    days.assert_rebuilt("joined")
    (home / "n.jsonl").unlink()
    assert days.run_seen() == {f"claude-code/-home-z/{name}.jsonl" for name in ("p", "q")}
    days.assert_rebuilt("parted")
    (home / "q.jsonl").unlink()
    (home / "r.jsonl").unlink()
    assert days.run_seen() == set()
    days.assert_rebuilt("alone")
    write_lines(home / "m.jsonl", [line("m1", None, "new", timestamp=AT, sessionId="m")])
    assert days.run_seen() <= {f"claude-code/-home-z/{name}.jsonl" for name in ("m", "p")}
    days.assert_rebuilt("again")


@pytest.mark.faults
def test_what_facts_depend_on_besides_the_files_is_read_again(tmp_path: Path) -> None:
    """Defaults, mapping tables and names of files; changed limits are a rebuild."""
    days = Days(tmp_path, ("plain", "sharegpt"))
    days.run()
    days.config["inputs"][1]["defaults"]["user_id"] = "nobody-else"
    assert {name.split("/")[0] for name in days.run_seen() - CUT} == {"sharegpt"}
    days.assert_rebuilt("defaults")
    (tmp_path / "mapping.csv").write_text("path,user_id\nb.jsonl,someone\n")
    days.config["inputs"][0]["mapping"] = "mapping.csv"
    assert {name.split("/")[0] for name in days.run_seen()} == {"plain"}
    days.assert_rebuilt("mapping")
    (days.logs / "plain/b.jsonl").rename(days.logs / "plain/c.jsonl")
    assert days.run_seen() - CUT == {"plain/c.jsonl"}
    days.assert_rebuilt("moved")
    days.config["limits"]["max_messages"] = 1
    assert days.run() == {"from": None, "reason": f"limits changed since version {days.version - 1}"}
    days.assert_rebuilt("limits")


def test_after_an_erasure_the_files_concerned_are_read_again(tmp_path: Path) -> None:
    """The state keeps nothing of a unit that held the person, and the next run equals a rebuild."""
    days = Days(tmp_path, ("plain", "claude-code"))
    (tmp_path / "key").write_text(KEY)
    days.run()
    done = chatsieve("forget", days.out, "--key-file", tmp_path / "key", "--user", "v")
    assert done.returncode == 0, done.stderr
    (certificate,) = (days.out / "erasures").glob("*.json")
    found = json.loads(certificate.read_text())
    assert found["scan"]["found"] == 0
    assert any(name.startswith("restricted/state/facts-") for name in found["versions"][0]["files"])
    done = chatsieve("verify", days.out, "--key-file", tmp_path / "key")
    assert done.returncode == 0, done.stdout + done.stderr
    assert days.run_seen() - CUT == {"plain/b.jsonl"}
    after = current(days.out)
    assert days.run("--rebuild") == {"from": None, "reason": "--rebuild was given"}
    assert sums(after) == sums(current(days.out))


@pytest.mark.faults
@pytest.mark.parametrize("harm", ["missing", "damaged", "foreign"])
@pytest.mark.parametrize("name", ["facts-00000-of-00001.parquet", "state.json"])
def test_a_state_that_cannot_be_used_is_a_rebuild(first: Days, tmp_path: Path, harm: str, name: str) -> None:
    """It costs time and nothing else, and the reason is in the manifest and on standard error."""
    out = tmp_path / "out"
    shutil.copytree(first.out, out, symlinks=True)
    file = current(out) / "restricted/state" / name
    if harm == "missing":
        file.unlink()
    elif harm == "damaged":
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    else:
        file.write_bytes(file.with_name("units-00000-of-00001.parquet").read_bytes())
    done = first.done(out=out)
    version = json.loads((out / "CURRENT").read_text())["version"] - 1
    assert done.returncode == 0, done.stderr
    assert f"full rebuild: restricted/state/{name} of version {version} is" in done.stderr


def test_a_run_with_nothing_new_adds_no_version(tmp_path: Path) -> None:
    """Nothing is opened, nothing runs, and the dataset stays as it is."""
    days = Days(tmp_path, ("plain",))
    (days.logs / "plain/text.jsonl").unlink()
    days.run()
    before = sorted(days.out.rglob("*"))
    with OpensSeen(days.logs) as seen:
        done = days.done("--json")
    assert (done.returncode, seen.names) == (0, set())
    told = json.loads(done.stdout)
    same = "inputs, consent, configuration and as_of are the same"
    assert told["nothing_new"] == f"nothing new since version 1: {same}"
    assert told["increment"] is None
    assert told["folder"] == str(current(days.out))
    assert sorted(days.out.rglob("*")) == before
    assert days.done().stderr == f"{told['nothing_new']}\n"
    assert "nothing new since version 1" in days.done("--wait", "PT1S").stderr
    days.run("--as-of", "2026-03-01T00:00:01Z")


@pytest.mark.faults
@pytest.mark.parametrize("option", [(), ("--shareable",)], ids=["full", "shareable"])
def test_a_crossed_threshold_stays_crossed_if_nothing_is_new(tmp_path: Path, option: tuple[str, ...]) -> None:
    """A task repeated after exit code 1 must not succeed: the next task would release the version."""
    days = Days(tmp_path, ("plain",))
    days.config["audit"] = {
        "fail_if": {"min_eligible_share": 1.0, "warnings": ["tier_unlisted", "reason_moved"]}
    }
    days.config["limits"] = {"max_quarantined_fraction": 0.0}
    first, again = days.done(*option), days.done(*option)
    assert (first.returncode, again.returncode, days.version) == (1, 1, 1)
    lines = [line for line in first.stderr.splitlines() if line.startswith("chatsieve: ")]
    assert len(lines) >= 2
    assert again.stderr.startswith("nothing new since version 1: ")
    assert again.stderr.splitlines()[1:] == lines


def test_decisions_that_time_does_not_change_add_no_version(tmp_path: Path) -> None:
    """Without as_of a scheduled run decides anew each night: retention and deadlines move with time."""
    days = without_as_of(tmp_path)
    done = days.done()
    assert done.returncode == 0
    assert re.fullmatch(r"nothing new since version 1: decided anew as of \S+, no row differs\n", done.stderr)
    assert days.version == 1
    write_lines(days.logs / "plain/new.jsonl", sessions(1, "v", "new "))
    days.run()


@pytest.mark.faults
def test_a_version_without_a_file_is_replaced_though_time_changes_no_decision(tmp_path: Path) -> None:
    """A nightly run that says that nothing is new would leave the version damaged for good."""
    days = without_as_of(tmp_path)
    page = current(days.out) / "report/report.html"
    page.unlink()
    done = days.done()
    assert (done.returncode, days.version) == (0, 2)
    told = "; report/report.html of version 1 is missing or damaged; nothing was taken over from it; see "
    assert told in done.stderr
    assert (current(days.out) / "report/report.html").exists()


def without_as_of(tmp_path: Path) -> Days:
    """A first version of a run that decides as of now."""
    days = Days(tmp_path, ("plain",))
    pack = yaml.safe_load(Path(packaged_file("policies", "consumer-terms-2025-09-28")).read_text())
    (tmp_path / "pack.yaml").write_text(yaml.safe_dump({**pack, "max_snapshot_age": "P3650D"}))
    days.config |= {"policy": "./pack.yaml", "as_of": None}
    days.run()
    return days


def test_state_has_no_words_no_paths_and_no_ids(first: Days) -> None:
    """Values of every format that are in its logs, and the names of its files."""
    texts = [b"hello there", b"question 7", b"certainly", b"one.jsonl", str(first.logs).encode(), b"someone"]
    found = b""
    for path in (current(first.out) / "restricted/state").iterdir():
        found += path.read_bytes()
        if path.suffix == ".parquet":
            found += json.dumps(pq.read_table(path).to_pylist(), default=repr).encode()
    assert len(found) > 10_000
    assert [text for text in texts if text in found] == []


@pytest.mark.faults
def test_each_day_stands_on_the_state_of_the_day_before(tmp_path: Path) -> None:
    """What was taken over is taken over again, with a file that is read anew each time among it."""
    days = Days(tmp_path, ("compressed", "otel"))
    for day in range(3):
        data = gzip.compress(lines(sessions(40, f"u{day}", "words ")), mtime=0)
        (days.logs / f"compressed/day-{day}.jsonl.gz").write_bytes(data)
        assert days.run()["from"] == (day or None)
    days.assert_rebuilt("after")
