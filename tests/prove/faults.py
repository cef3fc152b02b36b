"""Fails each operation on output files, one after the other, and checks what is left: `make faults`.

    python -m tests.prove.faults --every 10 --commands run,forget

A command is run once to count its operations. Then, for every n and every fault, it runs again in a process
of its own on a fresh copy of the same dataset, and the fault strikes its n-th operation. After each run:

- the exit code is a documented one and agrees with the state; standard error has at most one line;
- the dataset verifies as the old or as the new version; no planted value is in any byte;
- the same command, run again without a fault, works and leaves nothing that no version needs.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import errno
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.commands.verify import verify
from pipeline.dataset.catalog import is_version_folder, read_catalog
from tests.support.command import read_lines
from transforms.storage import local
from transforms.storage.local import LocalStore
from transforms.storage.operations import FileOperations

#: What may strike an operation, and which operations it can strike.
FAULTS = ("eio", "lost", "enospc", "short", "kill", "killed-after", "sigterm", "sigint", "delay")
#: Planted values that are masked for certain.
_CANARIES = frozenset({"SECRET", "EMAIL_ADDRESS", "CREDIT_CARD", "US_SSN"})
_OPERATIONS = ("open", "write", "fsync", "link", "rename", "remove", "mkdir", "rmdir", "symlink", "entries")
_FILLING = frozenset({"open", "write", "link", "mkdir", "symlink"})
_NO_ANSWER_LOST = frozenset({"open", "entries", "write"})


class Faulty(FileOperations):
    """Counts operations; the n-th meets its fault. Signals reach the main thread after the operation."""

    def __init__(self, nth: int, fault: str) -> None:
        self._nth, self._fault, self.count = nth, fault, 0

    def _do(self, name: str, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        self.count += 1
        if self.count != self._nth:
            return call(*arguments)
        fault = self._fault
        if fault == "eio":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if fault == "enospc" and name in _FILLING:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if fault == "short" and name == "write":
            return call(arguments[0], arguments[1][: max(1, len(arguments[1]) // 2)])
        if fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "delay":
            time.sleep(0.05)
        if fault in ("sigterm", "sigint"):
            os.kill(os.getpid(), signal.SIGTERM if fault == "sigterm" else signal.SIGINT)
        result = call(*arguments)
        if fault == "killed-after":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "lost" and name not in _NO_ANSWER_LOST:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return result


def _counted(name: str) -> Callable[..., Any]:
    plain = getattr(FileOperations, name)

    def operation(self: Faulty, *arguments: Any) -> Any:
        return self._do(name, lambda *given: plain(self, *given), arguments)

    return operation


for _name in _OPERATIONS:
    setattr(Faulty, _name, _counted(_name))


class Ended(NamedTuple):
    """How a command ended; `operations` is None where it was killed."""

    code: int
    stderr: str
    operations: int | None


@dataclasses.dataclass(frozen=True)
class Scene:
    """A command, and the folder it starts from; `changes`: whether it makes another catalog."""

    name: str
    template: Path
    arguments: tuple[str, ...]


def run_command(arguments: tuple[str, ...], operations: Faulty | None) -> Ended:
    """Runs a command of the program in a fork of this process, which has imported it already."""
    from pipeline.cli.main import main

    with tempfile.TemporaryFile() as stderr, tempfile.TemporaryFile() as counted:
        process = os.fork()
        if process == 0:
            code: Any = 70
            try:
                os.dup2(stderr.fileno(), 2)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                if operations is not None:
                    local.OPERATIONS = operations
                sys.argv = ["chatsieve", *arguments]
                main()
            except SystemExit as ended:
                code = ended.code or 0
            finally:
                with contextlib.suppress(BaseException):
                    sys.stderr.flush()
                    counted.write(str(operations.count if operations else 0).encode())
                    counted.flush()
                os._exit(code if isinstance(code, int) else 1)
        _, status = os.waitpid(process, 0)
        stderr.seek(0)
        counted.seek(0)
        number = counted.read()
        return Ended(
            os.waitstatus_to_exitcode(status), stderr.read().decode(), int(number) if number else None
        )


def scenes(root: Path) -> Iterator[Scene]:
    """The commands under test, each with a folder `out` to start from."""
    corpus = root / "corpus"
    _must("sample", str(corpus), "--conversations", "40", "--seed", "5")
    config, key = str(corpus / "config.yaml"), ("--key-file", str(corpus / "chatsieve.key"))
    common = ("--quiet", "--set", "runner.workers=1", "--set", "output.on_exists=new_version")
    run = ("run", "-c", config, *common, "--output", "{out}")
    empty, one, two = root / "empty", root / "one", root / "two"
    empty.mkdir()
    _must(*(part.format(out=one / "out") for part in run))
    shutil.copytree(one, two, symlinks=True)
    _must(*(part.format(out=two / "out") for part in run), "--as-of", "2026-03-02T00:00:00Z")
    truth = read_lines(corpus / "truth/decisions.jsonl")
    held = next(row["conversation_id"] for row in truth if row["decision"] == "eligible")
    yield Scene("run", empty, run)
    yield Scene("second", one, (*run, "--as-of", "2026-03-02T00:00:00Z"))
    yield Scene("audit", empty, ("audit", *run[1:]))
    yield Scene("forget", two, ("forget", "{out}", "--conversation", held, *key, "--quiet"))
    yield Scene("expire", two, ("expire", "{out}", "--as-of", "2030-01-01", *key, "--quiet"))
    yield Scene("gc", two, ("gc", "{out}", "--keep", "1", "--quiet"))


def try_point(scene: Scene, work: Path, nth: int, fault: str, canaries: list[bytes]) -> list[str]:
    """What is wrong after the fault struck the n-th operation; nothing if all is well."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(scene.template, work, symlinks=True)
    out = work / "out"
    arguments = tuple(part.format(out=out) for part in scene.arguments)
    before = state_of(out)
    ended = run_command(arguments, Faulty(nth, fault))
    after = state_of(out)
    wrong = []
    killed = fault in ("kill", "killed-after")
    if ended.code not in ((-signal.SIGKILL, 0) if killed else (0, 2, 3, 4)):
        wrong.append(f"exit {ended.code}")
    if ended.code == 0 and after == before:
        wrong.append("exit 0, and nothing was committed")
    if ended.code in (2, 3, 4) and after != before:
        wrong.append(f"exit {ended.code}, and a version was committed")
    if ended.stderr.count("\n") > 1 or "Traceback" in ended.stderr:
        wrong.append(f"standard error: {ended.stderr[:400]!r}")
    wrong += faults_of(out, canaries)
    again = run_command(arguments, None)
    if again.code != 0:
        wrong.append(f"the next command: exit {again.code}: {again.stderr[:200]!r}")
    wrong += faults_of(out, canaries)
    wrong += leftovers_of(out)
    return wrong


def state_of(out: Path) -> tuple[str, ...]:
    """The folders that the catalog names, and the erasures it lists; nothing without a catalog."""
    read = read_catalog(LocalStore(out), str(out))
    if read is None:
        return ()
    return (*(one.folder for one in read.catalog.versions), *read.catalog.erased)


def faults_of(out: Path, canaries: list[bytes]) -> list[str]:
    """Findings of every version, and planted values in any file."""
    found = []
    read = read_catalog(LocalStore(out), str(out))
    for one in read.catalog.versions if read else ():
        found += [
            f"verify: {f.kind}: {f.where}: {f.what}" for f in verify(Path(f"{out}@{one.version}")).findings
        ]
    for path in out.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            found += [f"{path.name} holds a planted value" for canary in canaries if canary in data]
    return found


def leftovers_of(out: Path) -> list[str]:
    """Folders that no version needs, and temporary files of other than the last minutes."""
    known = set(state_of(out))
    names = [path.name for path in out.iterdir()] if out.exists() else []
    return [f"{name} is left over" for name in names if is_version_folder(name) and name not in known]


def _must(*arguments: str) -> None:
    ended = run_command(arguments, None)
    if ended.code:
        raise SystemExit(f"chatsieve {arguments[0]}: exit {ended.code}: {ended.stderr}")


def main() -> int:
    """Tries the points, prints those that fail, and exits with 1 if there are any."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, help="only every n-th point, evenly over all")
    parser.add_argument("--commands", default="", help="comma-separated; all by default")
    given = parser.parse_args()
    from tests.support.preloaded import preload

    preload()
    wanted = set(filter(None, given.commands.split(",")))
    tried: collections.Counter[str] = collections.Counter()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for scene in scenes(root):
            if wanted and scene.name not in wanted:
                continue
            planted = read_lines(root / "corpus/truth/planted.jsonl")
            canaries = [row["value"].encode() for row in planted if row["type"] in _CANARIES]
            for number, (nth, fault) in enumerate(points(scene, root / "count")):
                if number % given.every:
                    continue
                tried[scene.name] += 1
                wrong = try_point(scene, root / "work", nth, fault, canaries)
                failed += bool(wrong)
                for text in wrong:
                    print(f"{scene.name}: {fault} at operation {nth}: {text}", flush=True)  # noqa: T201
    listed = ", ".join(f"{name} {count}" for name, count in tried.items())
    print(f"{tried.total()} faults tried ({listed}): {failed} not survived")  # noqa: T201
    return 1 if failed else 0


def points(scene: Scene, work: Path) -> list[tuple[int, str]]:
    """Every (operation, fault) of a command, the operations in order."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(scene.template, work, symlinks=True)
    arguments = tuple(part.format(out=work / "out") for part in scene.arguments)
    counted = run_command(arguments, Faulty(0, ""))
    if counted.code or not counted.operations:
        raise SystemExit(f"{scene.name}: exit {counted.code}: {counted.stderr}")
    return [(nth, fault) for nth in range(1, counted.operations + 1) for fault in FAULTS]


if __name__ == "__main__":
    sys.exit(main())
