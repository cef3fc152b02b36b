"""Writes the files of a new configuration: all of them, or none."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.commands.init.document import Answers, config_text
from pipeline.inputs.config import load_settings
from pipeline.inputs.key_file import write_key
from schemas.errors import OutputError
from schemas.keys import parse_key
from transforms.shuffle.instants import moment_text
from transforms.storage.operations import private_file


def check_free(path: Path, force: bool) -> None:
    """Raises OutputError if there is a file that must not be replaced."""
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give a file")
    if path.exists() and not force:
        raise OutputError(f"{path}: exists already; give another file, or --force to replace it")


def check_key(path: Path) -> None:
    """Raises ConfigError if there is a file with no valid key."""
    if path.exists():
        parse_key(_text_of(path).strip(), str(path))


def write_files(answers: Answers) -> list[str]:
    """Writes configuration, key and consent file, and loads the configuration; gives a line for each file.

    On any error or signal, what was written is removed, and what was replaced is as before. A key that exists
    is kept.
    """
    for folder in {answers.config.parent, answers.key_file.parent}:
        _make(folder)
    told = list[str]()
    with _undone() as done:
        if answers.key_file.exists():
            told.append(f"{answers.key_file}: exists and is used")
        else:
            _write_key(answers.key_file, done)
            told.append(f"{answers.key_file}: key written; keep it, since it cannot be recovered")
        if not answers.consent:
            _write(answers.consent_file, consent_text(answers.owner), done)
            told.append(
                f"{answers.consent_file}: written; nobody is included until a row has the state granted"
            )
        _write(answers.config, config_text(answers), done)
        load_settings(answers.config, {})
        told.append(f"{answers.config}: configuration written")
    return told


def consent_text(owner: str) -> str:
    """A snapshot of now with one user who has not decided: `owner`, or an example."""
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    made = io.StringIO()
    rows = csv.writer(made, lineterminator="\n")
    rows.writerow(["user_id", "state", "decided_at", "snapshot_at"])
    rows.writerow([owner or "example-user", "", "", moment_text(now)])
    return made.getvalue()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); give another folder") from None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror})") from None


def _write_key(path: Path, done: dict[Path, str | None]) -> None:
    done[path] = None  # before it is made: a signal may come in between
    try:
        write_key(path)
    except OutputError:
        del done[path]
        raise


def _write(path: Path, text: str, done: dict[Path, str | None]) -> None:
    """Writes a file with mode 0600; `done` gets the text that it had before, None for a new one."""
    old = _text_of(path) if path.exists() else None
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(private_file(beside), "w", encoding="utf-8") as file:
            file.write(text)
        done[path] = old
        beside.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); give another file") from None
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def _undone() -> Iterator[dict[Path, str | None]]:
    """A dict of written files and the texts that they had; on an error they are put back."""
    done = dict[Path, str | None]()
    try:
        yield done
    except BaseException:
        for path, old in done.items():
            if old is None:
                path.unlink(missing_ok=True)
            else:
                path.write_text(old, encoding="utf-8")
        raise
