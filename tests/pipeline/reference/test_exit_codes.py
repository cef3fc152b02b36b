"""The page of exit codes has every command, and says of those that can end with 1 when they do."""

from __future__ import annotations

import re

from pipeline.reference.exit_codes import COMMANDS, error_classes
from schemas.errors import BusyError, ChatsieveError, StoreError
from tests.support.command import ROOT
from tests.test_docs import cli_commands

#: An exit with 1 in the code of a command, and the function that has it.
_ENDS_WITH_1 = re.compile(r"raise typer\.Exit\(1\)|\bfail\(.*, 1\)")


def test_every_command_is_listed() -> None:
    """A command without an entry leaves its scheduler to guess."""
    assert set(COMMANDS) == set(cli_commands())


def test_files_of_commands_that_end_with_1_are_those_listed() -> None:
    """A command that begins to use code 1 must be listed with the cause."""
    listed = {name for name, codes in COMMANDS.items() if codes.one != "never"}
    files = sorted((ROOT / "pipeline/cli").glob("*.py"))
    found = {path.stem for path in files if _ENDS_WITH_1.search(path.read_text(encoding="utf-8"))}
    # `audit` is in run.py, `demo` calls the run of its folder.
    assert listed == found | {"audit", "demo"}


def test_every_error_class_is_listed() -> None:
    """Users of the API catch these classes."""
    assert {ChatsieveError, BusyError, StoreError} <= set(error_classes())
    assert len(error_classes()) == len(set(error_classes())) >= 11
