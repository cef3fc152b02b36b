"""What a check of `chatsieve doctor` finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from schemas.errors import BusyError, ChatsieveError, exit_code_of
from transforms.shuffle.guard import describe

#: FAULT: a run would be refused or would fail. LATER: not ready now. WARNING: a run starts all the same.
Level = Literal["fault", "later", "warning"]


class Told(NamedTuple):
    """One line: what is wrong, where, and what to do; without data of the logs."""

    level: Level
    text: str


def fault(text: str) -> Told:
    """A finding because of which a run would be refused or would fail."""
    return Told("fault", text)


def later(text: str) -> Told:
    """A finding that may be gone when the command is repeated."""
    return Told("later", text)


def warning(text: str) -> Told:
    """A finding that stops no run."""
    return Told("warning", text)


def refusals_of(*steps: Callable[[], object]) -> Iterator[Told]:
    """A finding for each line with which a step of a run refuses; its result is not used."""
    for step in steps:
        try:
            step()
        except (ChatsieveError, OSError) as error:
            yield from of_error(error)


def of_error(error: ChatsieveError | OSError) -> Iterator[Told]:
    """The lines of an error as findings, with the meaning of its exit code."""
    if isinstance(error, ChatsieveError):
        is_later = exit_code_of(error) == BusyError.exit_code
        yield from (Told("later" if is_later else "fault", line) for line in error.lines)
    else:
        yield fault(describe("a file cannot be read or written", error))
