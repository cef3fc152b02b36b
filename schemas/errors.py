"""The errors that chatsieve raises.

A message is one line: the file, key or id digest, what was expected, and what to do. It never contains text
of a conversation, a name or a raw id. An error of several faults has one such line for each.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

#: A store or a network disk that does not answer now, and may answer a later try.
_PASSING = frozenset({errno.EAGAIN, errno.EIO, errno.ETIMEDOUT, errno.EHOSTUNREACH})


class ChatsieveError(Exception):
    """Base class. The message is safe to print; the command exits with `exit_code`.

    `lines`: a line for each fault; the message has all of them.
    """

    exit_code = 3

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)

    @property
    def lines(self) -> tuple[str, ...]:
        """The faults, each as one line."""
        return self.args

    def __str__(self) -> str:
        return "\n".join(self.args)


class ConfigError(ChatsieveError):
    """The configuration, a policy or an argument is invalid; nothing was written."""

    exit_code = 2


class PolicyError(ConfigError):
    """A policy file is invalid."""


class InputError(ChatsieveError):
    """An input is missing or cannot be read; nothing was written."""

    exit_code = 2


class ConsentError(ChatsieveError):
    """A consent snapshot is missing, stale or unreadable; the run does not start."""

    exit_code = 2


class OutputError(ChatsieveError):
    """The output cannot be written or would be overwritten; nothing was written."""

    exit_code = 2


class BusyError(ChatsieveError):
    """Another run holds the dataset, or committed first. Try again later."""

    exit_code = 4


class NotReadyError(ChatsieveError):
    """Inputs or consent are not there yet; nothing was written. Try again later."""

    exit_code = 4


class DeidError(ChatsieveError):
    """The de-identification engine cannot be built, or refuses a text."""


class PipelineError(ChatsieveError):
    """The run failed after it started; everything it wrote was removed."""


class RunInterruptedError(PipelineError):
    """SIGINT or SIGTERM ended the run; everything it wrote was removed."""


class StoreError(PipelineError):
    """An object of an object store could not be read. No reader may take it for a damaged record."""


class Faults:
    """Errors of several steps, to be raised as one."""

    def __init__(self) -> None:
        self._found: list[ChatsieveError] = []

    def kept[Result](self, step: Callable[[], Result]) -> Result | None:
        """The result of a step; None if it was refused. Errors with another exit code are raised."""
        try:
            return step()
        except ChatsieveError as error:
            if exit_code_of(error) != ConfigError.exit_code:
                raise
            self._found.append(error)
            return None

    def error(self) -> ChatsieveError:
        """One error with the lines of all; its type is theirs if they have the same, else ConfigError."""
        kinds = {type(error) for error in self._found}
        kind = kinds.pop() if len(kinds) == 1 else ConfigError
        return kind(*dict.fromkeys(line for error in self._found for line in error.lines))


def exit_code_of(error: ChatsieveError) -> int:
    """The exit code of a command that ends with this error.

    An input, list or output that was refused because its store or disk failed gives 4 instead of 2: a later
    try may succeed.
    """
    if error.exit_code != ConfigError.exit_code:
        return error.exit_code
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _PASSING:
            return BusyError.exit_code
        cause = cause.__cause__ or cause.__context__
    return error.exit_code
