"""Compares the mutants that survived `mutmut run` with those known to change no decision.

Lists every survivor that equivalent_mutants.yaml does not explain, and exits with 1 if there is one. Also
lists the entries that a test now detects, so that they can be removed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import yaml

KNOWN = Path("tests/prove/equivalent_mutants.yaml")
JUDGED = Path("mutants/transforms")
#: The exit code that mutmut records for a mutant that no test detected.
_SURVIVED = 0


class Mutant(NamedTuple):
    """A changed line: the function as `decide.merge.merge`, the line before and after the change."""

    function: str
    was: str
    now: str


def survivors() -> set[Mutant]:
    """The mutants that no test detected."""
    found = set()
    for meta in sorted(JUDGED.rglob("*.meta")):
        codes: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
        found.update(described(name) for name, code in codes.items() if code == _SURVIVED)
    return found


def described(name: str) -> Mutant:
    """The function and the changed lines of a mutant, without indentation."""
    command = [str(Path(sys.executable).parent / "mutmut"), "show", name]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    was = [line[1:].strip() for line in shown if line.startswith("-") and not line.startswith("---")]
    now = [line[1:].strip() for line in shown if line.startswith("+") and not line.startswith("+++")]
    function = name.removeprefix("transforms.").rsplit("__mutmut_", 1)[0].replace(".x_", ".")
    return Mutant(function, " ".join(was), " ".join(now))


def known() -> set[Mutant]:
    """The mutants of equivalent_mutants.yaml that have a reason."""
    groups = yaml.safe_load(KNOWN.read_text(encoding="utf-8"))
    return {
        Mutant(entry["in"], entry["was"], entry["now"])
        for group in groups
        if group["why"].strip()
        for entry in group["mutants"]
    }


def main() -> int:
    unjudged = [str(path.relative_to(JUDGED)) for path in sorted(JUDGED.rglob("*.meta")) if _unjudged(path)]
    found, explained = survivors(), known()
    for mutant in sorted(found - explained):
        change = f"  - {mutant.was}\n  + {mutant.now}\n"
        sys.stdout.write(f"survived without an explanation: {mutant.function}\n{change}")
    for mutant in sorted(explained - found):
        sys.stdout.write(f"explained, but detected by a test: {mutant.function}\n  + {mutant.now}\n")
    for name in unjudged:
        sys.stdout.write(f"not tested to the end: {name}\n")
    sys.stdout.write(f"{len(found)} survivors, {len(found & explained)} of them explained\n")
    return int(bool(found - explained or unjudged))


def _unjudged(meta: Path) -> bool:
    return None in json.loads(meta.read_text())["exit_code_by_key"].values()


if __name__ == "__main__":
    sys.exit(main())
