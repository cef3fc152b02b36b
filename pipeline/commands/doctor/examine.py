"""Runs all checks of `chatsieve doctor`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.commands.doctor import inputs, machine, masking, output, runner
from pipeline.commands.doctor.findings import Level, Told, fault, of_error
from pipeline.commands.doctor.settings import load
from pipeline.inputs.config import Settings
from schemas.errors import ChatsieveError
from transforms.shuffle.guard import describe


class Check(NamedTuple):
    """`needs`: parts of the configuration without which it cannot be made, of key, policy and deid."""

    name: str
    run: Callable[[Settings], Iterator[Told]]
    needs: frozenset[str] = frozenset()


#: In the order of the answer; the slowest is last.
CHECKS = (
    Check("key", machine.key, frozenset({"key"})),
    Check("inputs", inputs.inputs),
    Check("readiness", inputs.readiness),
    Check("consent", inputs.consent, frozenset({"policy"})),
    Check("deletions", inputs.deletions),
    Check("authorizations", inputs.authorizations, frozenset({"policy"})),
    Check("dataset", output.dataset),
    Check("dataset key", output.dataset_key, frozenset({"key"})),
    Check("access", output.access),
    Check("disk", output.space),
    Check("runner", runner.runner),
    Check("memory", machine.memory),
    Check("temporary files", machine.temporary),
    Check("packages", machine.packages),
    Check("masking", masking.masking, frozenset({"deid"})),
)
#: What no check looks at.
_NEVER = (
    "the content of the logs: `chatsieve audit` reads it",
    "rows of databases",
    "memory, disk and packages of workers on other machines",
)


class Finding(NamedTuple):
    """A line of a check."""

    check: str
    level: Level
    text: str


class Examination(NamedTuple):
    """`checked`: names of checks that were made. `not_checked`: what was left out, and why."""

    findings: list[Finding]
    checked: list[str]
    not_checked: list[str]

    @property
    def exit_code(self) -> int:
        """2 if a run would be refused or would fail, else 4 if something is not ready yet, else 0."""
        levels = {each.level for each in self.findings}
        return 2 if "fault" in levels else 4 if "later" in levels else 0


def examine(path: Path, overrides: Mapping[str, Any]) -> Examination:
    """All findings about a configuration. Nothing is changed; a test object in the output is removed.

    Parts of the configuration that are faulty are left out of the checks; the others are made.
    """
    loaded = load(path, overrides)
    refused = of_error(loaded.error) if loaded.error else ()
    found = [Finding("configuration", *told) for told in refused]
    checked, left_out = ["configuration"], list[str]()
    if loaded.settings is None:
        names = ", ".join(check.name for check in CHECKS)
        return Examination(found, checked, [f"{names}: correct the configuration first", *_NEVER])
    for check in CHECKS:
        faulty = sorted(check.needs & loaded.missing)
        if faulty:
            made = loaded.creates_key and not loaded.error
            why = (
                "the first run makes the key"
                if made
                else f"the {' and '.join(faulty)} of the configuration cannot be used"
            )
            left_out.append(f"{check.name}: {why}")
        else:
            checked.append(check.name)
            found += [Finding(check.name, *told) for told in _made(check, loaded.settings)]
    # Several steps of a run refuse the same thing; the first check that names it keeps it.
    once = {each.text: each for each in reversed(found)}
    return Examination([each for each in found if once[each.text] is each], checked, [*left_out, *_NEVER])


def _made(check: Check, settings: Settings) -> list[Told]:
    try:
        return list(check.run(settings))
    except ChatsieveError as error:
        return list(of_error(error))
    except Exception as error:  # noqa: BLE001 - one check must not hide what the others find
        return [fault(describe("this check failed", error))]
