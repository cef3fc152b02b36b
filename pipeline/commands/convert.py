"""`chatsieve convert`: logs of any format to canonical Parquet, with unredacted text and ids."""

from __future__ import annotations

import collections
import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from pipeline.inputs.globs import files_at, input_files, refused
from schemas.errors import InputError, OutputError
from schemas.keys import KeyedHasher
from schemas.mapped.fields import FieldsConfig
from schemas.records import Defaults, Limits, Session
from schemas.sections.inputs import reader_of
from schemas.units import Quarantined
from transforms.read.sessions import sessions_of
from transforms.sources.base import InputFile, ReadContext
from transforms.sources.canonical.table import CANONICAL, canonical_table
from transforms.sources.facts.messages import text_bytes
from transforms.sources.recognize import formats_in
from transforms.storage.operations import private_file

_BATCH_SESSIONS = 5_000
_BATCH_CHARACTERS = 16 << 20


class Converted(NamedTuple):
    """The number of session records written, and of quarantined ones by code, field and kind of value."""

    sessions: int
    quarantined: dict[str, int]


def convert(
    paths: Sequence[str],
    output: Path,
    source_format: str | None,
    defaults: Defaults,
    limits: Limits,
    fields: FieldsConfig | None = None,
) -> Converted:
    """Writes all sessions of the inputs to a Parquet file (mode 0600). If it fails, no file is left.

    Equal inputs give equal bytes. `fields`: of an own schema, by which all files are read. Raises OutputError
    if the output exists or cannot be written, InputError if the inputs have no known format or several.
    """
    if output.exists():
        raise OutputError(f"{output}: exists already; give another --output")
    with refused():
        name = source_format if fields is None else reader_of(fields)
        context = ReadContext(KeyedHasher(os.urandom(32)), limits, (defaults,), fields=(fields,))
        return _converted(*chosen_files(paths, name), output, context)


def _converted(name: str, files: Sequence[InputFile], output: Path, context: ReadContext) -> Converted:
    counts: collections.Counter[str] = collections.Counter()
    written = 0
    try:
        with _unnamed(output) as (descriptor, source):
            with (
                os.fdopen(descriptor, "wb", closefd=False) as file,
                pq.ParquetWriter(file, CANONICAL, compression="zstd", store_schema=False) as writer,
            ):
                for batch in _batches(sessions_of(files, name, context), counts):
                    writer.write_table(canonical_table(batch))
                    written += len(batch)
            _give_name(source, output)
    except FileExistsError:
        raise OutputError(f"{output}: exists already; give another --output") from None
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error.strerror}); give another --output") from None
    return Converted(written, dict(sorted(counts.items())))


@contextlib.contextmanager
def _unnamed(output: Path) -> Iterator[tuple[int, str]]:
    """A file without a name (mode 0600) in the output's file system, and the path by which it can be linked.

    If the process is killed, the file is gone. Linux has such files on most file systems. Elsewhere the file
    has a name, and the next `convert` to this output replaces it.
    """
    named = output.with_name(f".{output.name}.partial")
    try:
        # Without the flag, a folder cannot be opened for writing (EISDIR).
        unnamed = getattr(os, "O_TMPFILE", 0)
        descriptor = os.open(output.parent, unnamed | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        source = f"/proc/self/fd/{descriptor}"
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR):
            raise
        named.unlink(missing_ok=True)
        descriptor, source = private_file(named), str(named)
    try:
        os.fchmod(descriptor, 0o600)
        yield descriptor, source
    finally:
        os.close(descriptor)
        named.unlink(missing_ok=True)


def _give_name(source: str, output: Path) -> None:
    """Links the file as `output`; FileExistsError if there is one: a link replaces no file."""
    # Only linkat follows the link in /proc, and Python calls it only where a folder's descriptor is given.
    folder = os.open(output.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.link(source, output.name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        os.close(folder)


def _batches(
    found: Iterator[Session | Quarantined], counts: collections.Counter[str]
) -> Iterator[list[Session]]:
    batch: list[Session] = []
    size = 0
    for record in found:
        if isinstance(record, Quarantined):
            field = "" if record.field is None else f": {record.field} ({record.kind})"
            counts[f"{record.code}{field}"] += 1
            continue
        batch.append(record)
        size += sum(map(text_bytes, record.messages))
        if len(batch) >= _BATCH_SESSIONS or size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def chosen_files(paths: Sequence[str], source_format: str | None) -> tuple[str, list[InputFile]]:
    """The format, and its files; without `source_format`, all recognized files must have the same one."""
    if source_format:
        return source_format, sorted({file for path in paths for file in input_files(path, source_format)})
    found: dict[str, set[InputFile]] = {}
    for file in {file for path in paths for file in files_at(path)}:
        if formats := formats_in(file):
            found.setdefault(formats[0], set()).add(file)
    if len(found) == 1:
        ((name, files),) = found.items()
        return name, sorted(files)
    what = f"several formats ({', '.join(sorted(found))})" if found else "no known format"
    raise InputError(f"{paths[0]}: {what}; give the format with --format")
