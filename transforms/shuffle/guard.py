"""Removes data from the errors of DoFns: only the error class and the source line remain.

A runner logs an exception with its message, and a message may quote the record that caused it.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from schemas.errors import ChatsieveError, PipelineError


def guarded(step: str) -> Callable[[Callable[..., Any]], Callable[..., Iterator[Any]]]:
    """A decorator for generator methods of DoFns: other errors than ChatsieveError become PipelineError."""

    def wrap(method: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        @functools.wraps(method)
        def run(*args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from method(*args, **kwargs) or ()
            except ChatsieveError:
                raise
            except Exception as error:  # noqa: BLE001 - raised again, without its message
                raise PipelineError(describe(step, error)) from None

        return run

    return wrap


def describe(step: str, error: BaseException) -> str:
    """`step: ErrorClass at file.py:12`, with the innermost place in our own code.

    An OSError has the system's reason after its class, such as `(No space left on device)`.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename] or list(frames)
    place = f"{own[-1].filename.rsplit('/', 1)[-1]}:{own[-1].lineno}" if own else "unknown place"
    reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    return f"{step}: {type(error).__name__}{reason} at {place}"
