"""Checks of logs, consent and lists: what a run finds and refuses before it reads a log."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence

from pipeline.commands.doctor.findings import Told, fault, of_error, refusals_of, warning
from pipeline.inputs.config import Settings
from pipeline.inputs.consent import read_consent
from pipeline.inputs.find_inputs import authorizations_of, deletions_of, read_context
from pipeline.inputs.globs import refused
from pipeline.inputs.postgresql_consent import check_table
from pipeline.inputs.readiness import Readiness
from pipeline.inputs.windows import files_of
from schemas.errors import ChatsieveError
from schemas.keys import KeyedHasher
from transforms.consent.spilled import temporary_spill
from transforms.shuffle.run_key import RunKey
from transforms.sources.base import InputFile
from transforms.sources.recognize import formats_in
from transforms.storage.places import is_remote, open_file

#: Files of an input whose beginning is read: the first ones and the last one by name.
_PEEKED = 3


def inputs(settings: Settings) -> Iterator[Told]:
    """Every input has files, they can be read, and some of them have its format; mapping tables are valid."""
    for number in range(len(settings.config.inputs)):
        try:
            found = files_of(settings, number).files
        except (ChatsieveError, OSError) as error:
            yield from of_error(error)
            continue
        yield from _unreadable(number, found)
        yield from _other_formats(settings, number, found)
    yield from refusals_of(lambda: read_context(settings, KeyedHasher(secrets.token_bytes(32))))


def readiness(settings: Settings) -> Iterator[Told]:
    """What `ready` asks for is there."""
    missing: list[str] = []
    yield from refusals_of(lambda: missing.extend(Readiness().missing(settings, settings.as_of)))
    for text in missing:
        yield Told("later", f"{text}; try again later, or give wait")


def consent(settings: Settings) -> Iterator[Told]:
    """Snapshots and sources can be read, every row is valid, and the newest is not too old."""
    run_key = RunKey.new(settings.key_reference)
    with temporary_spill(run_key) as spill:
        hasher = KeyedHasher(secrets.token_bytes(32))
        yield from refusals_of(lambda: read_consent(settings, hasher, spill, read_rows=check_table))


def deletions(settings: Settings) -> Iterator[Told]:
    """Every row of the deletion list is valid."""
    yield from refusals_of(lambda: deletions_of(settings, KeyedHasher(secrets.token_bytes(32))))


def authorizations(settings: Settings) -> Iterator[Told]:
    """Every row of the authorisations is valid."""
    yield from refusals_of(lambda: authorizations_of(settings, KeyedHasher(secrets.token_bytes(32))))


def _unreadable(number: int, files: Sequence[InputFile]) -> Iterator[Told]:
    local = [file.path for file in files if not is_remote(file.path)]
    denied = [path for path in local if not os.access(path, os.R_OK)]
    if denied:
        more = f" and {len(denied) - 1} more" if len(denied) > 1 else ""
        yield fault(
            f"inputs[{number}]: {denied[0]}{more}: cannot be read; give this user the right to read it"
        )
    for file in files[:1] if not local else ():
        yield from refusals_of(lambda file=file: _first_byte(file.path))  # type: ignore[misc]


def _first_byte(path: str) -> None:
    with refused(), open_file(path) as file:
        file.read(1)


def _other_formats(settings: Settings, number: int, files: Sequence[InputFile]) -> Iterator[Told]:
    """A warning if none of the first files has the format of the input, though another one is recognised."""
    wanted = settings.config.inputs[number].format
    if wanted == "mapped":
        return
    found = list[list[str]]()
    for file in [*files[: _PEEKED - 1], *files[-1:]]:
        try:
            with refused():
                found.append(formats_in(file))
        except (ChatsieveError, OSError):
            continue  # `_unreadable` reports it
    others = sorted({name for names in found for name in names})
    if found and not any(wanted in names for names in found):
        seen = f"they look like {', '.join(others)}" if others else "no format is recognised"
        yield warning(
            f"inputs[{number}]: format {wanted} is not recognised in the first files ({seen}); "
            "`chatsieve inspect PATH` shows what they have"
        )
