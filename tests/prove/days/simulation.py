"""Applies the days of a history to a dataset, and compares each day with a rebuild.

The rebuild of a day runs on a copy of the dataset before the run that has only what a rebuild may know: the
catalog, the tombstones, and of the version before manifest, ledger and report. It has neither state nor rows.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline.dataset.catalog import read_catalog
from schemas.manifest import Manifest
from tests.prove.days.compared import Search, differences, manifest_of
from tests.prove.days.history import Change, Day
from tests.prove.days.world import MARK
from tests.prove.fault_grounds import Disk, Shim
from tests.prove.faults import Ended, run_command
from tests.prove.faulty_operations import Faulty
from tests.prove.left_by_faults import leftovers_of
from transforms.storage.places import store_of

KEY = "7f" * 32
_ROOT = Path(__file__).resolve().parents[3]
_CONFIG = """\
inputs:
  - {path: "logs/*/*"}
  - path: code
    format: claude-code
    defaults: {user_id: qzxcanary-user-of-code, tier: pro, surface: code}
  - path: chatgpt/*.json
    format: chatgpt-export
    defaults: {user_id: qzxcanary-user-of-exports, tier: free, surface: chat}
  - {path: claude/*.json, format: claude-export, defaults: {tier: pro, surface: chat}}
consent: {snapshots: ["consent/*.csv"]}
authorizations: authorizations.csv
deletions: deletions.csv
policy: policies/a.yaml
deid: default
key_file: key
output: {path: live/out, shards: 2, on_exists: new_version}
limits: {max_quarantined_fraction: 1}
runner: {workers: 1}
"""
#: What the policies of a history change in the shipped one.
_POLICIES = {
    "a": {"retention: {granted: P5Y, refused: P30D}": "retention: {granted: P20D, refused: P7D}"},
    "b": {
        "retention: {granted: P5Y, refused: P30D}": "retention: {granted: P40D, refused: P9D}",
        "resumption_scope: whole_session": "resumption_scope: from_resumption",
        "prior_contributions: exclude": "prior_contributions: keep",
    },
    "c": {"partial_consent: truncate": "partial_consent: drop_session", "threads: main": "threads: all"},
}
#: Whether a run takes over what a version before it has.
IS_INCREMENTAL = "increment" in Manifest.__struct_fields__


class DayError(AssertionError):
    """Something is wrong after a day."""


class _Stopped(Faulty):
    """Ends the process after some seconds of its own processor time, wherever it is."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class _Ground(Disk):
    def install(self, shim: Shim) -> None:
        super().install(shim)
        if isinstance(shim, _Stopped):
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_PROF, shim.seconds)


class Simulation:
    """A folder with inputs and with the dataset `live/out`. `tally`: what happened, by name."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.out = root / "live/out"
        self.tally: Counter[str] = Counter()
        self._ground = _Ground(root)
        self._search = Search()
        self._operations, self._seconds = 150, 1.5
        self._temporary = root / "temporary"
        self._stage()

    def _stage(self) -> None:
        for name in ("policies", "consent", "temporary", "live"):
            (self.root / name).mkdir(parents=True)
        shipped = (_ROOT / "configs/policies/consumer-terms-2025-09-28.yaml").read_text()
        for name, changes in _POLICIES.items():
            text = shipped.replace("max_snapshot_age: PT36H", "max_snapshot_age: P30D")
            for old, new in changes.items():
                assert old in text
                text = text.replace(old, new)
            (self.root / f"policies/{name}.yaml").write_text(text)
        deid = (_ROOT / "configs/deid/default.yaml").read_text()
        realistic = deid.replace("surrogates: placeholder ", "surrogates: realistic ")
        assert realistic != deid
        (self.root / "realistic.yaml").write_text(realistic)
        (self.root / "config.yaml").write_text(_CONFIG)
        (self.root / "key").write_text(KEY)
        (self.root / "key").chmod(0o600)

    def live(self, day: Day, *, verified: bool = False) -> None:
        """Applies a day, runs, and compares with a rebuild; raises DayError."""
        for change in day.changes:
            self._apply(change)
        if day.is_missed:
            self.tally["missed days"] += 1
            return
        for command in day.commands:
            self._must((command[0], str(self.out), *command[1:], *_key_of(command[0], self.root), "--quiet"))
            self.tally[command[0]] += 1
        for place, fault in day.faults if self.out.exists() else ():
            self._disturbed(day, place, fault)
        rebuilt = self._prepared()
        before = self._version()
        process_time = os.times()
        ended = self._must(self._run(day, self.out))
        self._operations = max(1, len(ended.done))
        now = os.times()
        self._seconds = (
            now.children_user
            + now.children_system
            - process_time.children_user
            - process_time.children_system
        )
        self.tally["runs"] += 1
        is_new = self._version() != before
        self._must(self._run(day, rebuilt))
        wrong = differences(self.out, rebuilt, is_same_version=is_new)
        wrong += self._undigested()
        wrong += leftovers_of(self.out)
        wrong += self._search.found_in(self.out)
        if verified:
            done = self._command(("verify", str(self.out), "--key-file", str(self.root / "key")))
            wrong += [f"verify: {line}" for line in done.stderr.splitlines() if done.code]
        if is_new:
            self._count()
        else:
            self.tally["runs without a new version"] += 1
        shutil.rmtree(rebuilt.parent)
        if wrong:
            raise DayError("\n".join(wrong))

    def again(self, day: Day) -> None:
        """Runs once more with nothing new; raises DayError if that makes a version."""
        before = self._version()
        self._must(self._run(day, self.out))
        if IS_INCREMENTAL and self._version() != before:
            raise DayError("a run with nothing new made a version")

    def _apply(self, change: Change) -> None:
        path = self.root / change.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if change.source is not None:
            (self.root / change.source).rename(path)
        elif change.data is None:
            path.unlink()
        elif change.in_place or not path.exists():
            path.write_bytes(change.data)
        else:
            with tempfile.NamedTemporaryFile(dir=self._temporary, delete=False) as file:
                file.write(change.data)
            Path(file.name).rename(path)

    def _run(self, day: Day, out: Path) -> tuple[str, ...]:
        settings = [part for each in day.settings for part in ("--set", _absolute(self.root, each))]
        config = str(self.root / "config.yaml")
        return ("run", "-c", config, "--as-of", day.as_of, "--output", str(out), "--quiet", *settings)

    def _disturbed(self, day: Day, place: float, fault: str) -> None:
        """A run that meets a fault: it ends with a documented code and leaves no planted value."""
        before = self._version()
        shim: Faulty = Faulty(1 + int(place * self._operations), fault)
        if fault == "process":
            shim = _Stopped(0.05 + place * self._seconds)
        ended = self._command(self._run(day, self.out), shim)
        killed = {"kill": -signal.SIGKILL, "killed-after": -signal.SIGKILL, "process": -signal.SIGPROF}
        wrong = self._search.found_in(self.out)
        # A fault in the last operations, which may fail, or behind the last one, ends no run.
        if ended.code not in (0, 2, 3, 4, killed.get(fault)):
            wrong.append(f"{fault}: exit {ended.code}: {ended.stderr}")
        if ended.code in (2, 3, 4) and self._version() != before:
            wrong.append(f"{fault}: exit {ended.code}, and a version was committed")
        self.tally[f"{fault}: exit {ended.code}"] += 1
        if wrong:
            raise DayError("\n".join(wrong))

    def _prepared(self) -> Path:
        """A dataset to rebuild in: the catalog, the tombstones, and figures of the version before."""
        target = self.root / "rebuilt/out"
        target.mkdir(parents=True)
        read = read_catalog(store_of(self.out), str(self.out)) if self.out.exists() else None
        if read is None:
            return target
        shutil.copy2(self.out / "CURRENT", target)
        if (self.out / "erasures").exists():
            shutil.copytree(self.out / "erasures", target / "erasures")
        for name in ("manifest.json", "ledger", "report"):
            source, copy = (folder / read.catalog.folder / name for folder in (self.out, target))
            copy.parent.mkdir(exist_ok=True)
            shutil.copytree(source, copy) if source.is_dir() else shutil.copy2(source, copy)
        return target

    def _undigested(self) -> list[str]:
        """Input files whose SHA-256 is not in the manifest, or the other way round."""
        folders = [self.root / name for name in ("logs", "code", "chatgpt", "claude")]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        digests = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
        listed = sorted(each["sha256"] for each in manifest_of(self.out).inputs)
        return [] if listed == digests else ["manifest: inputs are not the files that there are"]

    def _version(self) -> str:
        read = read_catalog(store_of(self.out), str(self.out)) if self.out.exists() else None
        return read.catalog.folder if read else ""

    def _count(self) -> None:
        manifest = manifest_of(self.out)
        increment: dict[str, Any] = getattr(manifest, "increment", None) or {}
        self.tally["rebuilds" if increment.get("from") is None else "incremental runs"] += 1
        for name, number in increment.items():
            if isinstance(number, int) and name != "from":
                self.tally[name] += number
        if reason := increment.get("reason"):
            self.tally[f"rebuild: {re.sub('[0-9]+', 'N', reason)}"] += 1
        facts = [file.path for file in manifest.files if file.path.startswith("restricted/state/facts-")]
        self.tally["most parts of a state"] = max(self.tally["most parts of a state"], len(facts))
        for name, number in manifest.counts["reasons"].items():
            self.tally[f"reason {name}"] += int(number)

    def _must(self, arguments: tuple[str, ...]) -> Ended:
        """A command that has to succeed; its operations are counted."""
        ended = self._command(arguments, Faulty())
        if ended.code:
            raise DayError(f"chatsieve {arguments[0]}: exit {ended.code}: {ended.stderr}")
        return ended

    def _command(self, arguments: tuple[str, ...], shim: Faulty | None = None) -> Ended:
        ended = run_command(self._ground, arguments, shim, self._temporary)
        if MARK in ended.stderr:
            raise DayError(f"chatsieve {arguments[0]}: standard error holds a planted value")
        left = [path.name for path in self._temporary.iterdir()]
        shutil.rmtree(self._temporary)
        self._temporary.mkdir()
        if left and ended.code >= 0:
            raise DayError(f"chatsieve {arguments[0]}: temporary files are left")
        return ended


def _key_of(command: str, root: Path) -> tuple[str, ...]:
    return ("--key-file", str(root / "key")) if command != "gc" else ()


def _absolute(root: Path, setting: str) -> str:
    """A setting with the path of its file."""
    key, _, value = setting.partition("=")
    return f"{key}={root / value}" if value.endswith(".yaml") else setting
