"""The event of a command that was refused, put off or failed: class of its error, and message masked."""

from __future__ import annotations

import traceback

from pipeline.telemetry.wording import masked_message
from schemas.telemetry.events import RunFailed, RunLater, RunRefused

#: By exit code.
FAILURES: dict[int, type[RunRefused | RunFailed | RunLater]] = {2: RunRefused, 3: RunFailed, 4: RunLater}


def failure_of(
    code: int, message: str, error: BaseException | None, debug: bool
) -> RunRefused | RunFailed | RunLater | None:
    """The event of an exit code; None for one of success. `error` is None if the command was interrupted."""
    event = FAILURES.get(code)
    if event is None:
        return None
    places = _places(error) if debug and error is not None else None
    return event(error=class_of(error), message=masked_message(message) if message else "", places=places)


def class_of(error: BaseException | None) -> str:
    """The class of an error; `Interrupted` for None."""
    return "Interrupted" if error is None else type(error).__name__


def _places(error: BaseException) -> list[str]:
    """File and line of each call, outermost first; no code and no message."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames]
