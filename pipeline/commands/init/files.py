"""Writes the files of a new configuration: all of them, or none."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.commands.init.document import Answers, config_text
from pipeline.inputs.config import absolute, load_settings
from pipeline.inputs.key_file import write_key
from schemas.errors import ConfigError, OutputError
from schemas.keys import parse_key
from transforms.shuffle.instants import moment_text
from transforms.storage.operations import private_file
from transforms.storage.places import is_remote


def check_free(path: Path, force: bool) -> None:
    """Raises OutputError if there is a file that must not be replaced."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); give another file") from None
    if stat.S_ISDIR(mode):
        raise OutputError(f"{path}: is a folder; give a file")
    if not stat.S_ISREG(mode):
        raise OutputError(f"{path}: is a device or a pipe; give a file")
    if not force:
        raise OutputError(f"{path}: exists already; give another file, or --force to replace it")


def check_apart(answers: Answers, logs: Sequence[str]) -> None:
    """Raises OutputError if a file would replace another one, or one that the configuration reads."""
    made = [answers.config, answers.key_file, *([] if answers.consent else [answers.consent_file])]
    read = [*logs, *answers.consent, answers.authorizations, answers.deletions, answers.policy, answers.deid]
    others = [Path(absolute(each)) for each in read if each and not is_remote(each)]
    for number, path in enumerate(made):
        if path.resolve() in {each.resolve() for each in (*made[:number], *others)}:
            raise OutputError(f"{path}: is given twice, and would be replaced; give another file")


def check_key(path: Path) -> None:
    """Raises ConfigError if there is a file with no valid key."""
    if path.exists():
        if not (path.is_file() or path.is_dir()):
            raise ConfigError(f"{path}: is a device or a pipe; give a file with a key, or a new one")
        parse_key(_content_of(path).decode("utf-8", "replace").strip(), str(path))


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


def _content_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror})") from None


def _write_key(path: Path, done: dict[Path, bytes | None]) -> None:
    done[path] = None  # before it is made: a signal may come in between
    try:
        write_key(path)
    except OutputError:
        del done[path]
        raise


def _write(path: Path, text: str, done: dict[Path, bytes | None]) -> None:
    """Writes a file with mode 0600; `done` gets what it had before, None for a new one."""
    old = _content_of(path) if path.exists() else None
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
def _undone() -> Iterator[dict[Path, bytes | None]]:
    """A dict of written files and the contents that they had; on an error they are put back."""
    done = dict[Path, bytes | None]()
    try:
        yield done
    except BaseException:
        for path, old in done.items():
            if old is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(old)
        raise
