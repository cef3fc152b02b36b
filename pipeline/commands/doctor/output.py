"""Checks of the folders of runs and audits: their state, access to them, and space."""

from __future__ import annotations

import contextlib
import functools
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from pipeline.commands.doctor.findings import Told, fault, later, of_error, refusals_of, warning
from pipeline.dataset.catalog import Catalog, Kind
from pipeline.dataset.claims import writer_of
from pipeline.dataset.erased import check_key, erased_from
from pipeline.dataset.listed import committed_manifest
from pipeline.dataset.writer import check_writable
from pipeline.inputs.config import Settings
from pipeline.inputs.windows import files_of
from schemas.errors import ChatsieveError, OutputError
from transforms.storage.contract import Conflict, Unknown
from transforms.storage.local import TEMPORARY
from transforms.storage.places import is_remote, store_of

_KINDS: tuple[Kind, ...] = ("run", "audit")
#: Bytes on disk during a run for a byte of input, plain or compressed: rows are written twice, compressed.
#: Measured with plain synthetic text: 0.34; other text is compressed less.
_PLAIN, _PACKED = 1.0, 4.0
_PACKED_ENDINGS = (".gz", ".zst", ".zip", ".parquet")


def dataset(settings: Settings) -> Iterator[Told]:
    """The folders of runs and audits are new or hold what belongs there, and nobody writes there now."""
    for kind in _KINDS:
        path = settings.output_path(kind)
        try:
            catalog = check_writable(path, kind, settings.config.output.on_exists)
        except (ChatsieveError, OSError) as error:
            yield from _of_kind(kind, of_error(error))
            continue
        if held := writer_of(path):
            yield from _of_kind(kind, [later(f"{path}: {held}; try again later")])
        yield from _damage(path, catalog)


def dataset_key(settings: Settings) -> Iterator[Told]:
    """The versions that are there were made with the key of the configuration; erasures are whole."""
    for kind in _KINDS:
        path = settings.output_path(kind)
        with contextlib.suppress(ChatsieveError, OSError):  # `dataset` reports them
            catalog = check_writable(path, kind, "new_version")
            check = functools.partial(check_key, store_of(path), catalog, settings.key, str(path))
            yield from _of_kind(kind, refusals_of(check))
    yield from refusals_of(lambda: erased_from(settings))


def access(settings: Settings) -> Iterator[Told]:
    """A test object is made, replaced on conditions, and removed, as a commit does it."""
    tested = set[str]()
    for kind in _KINDS:
        path = settings.output_path(kind)
        place = str(path) if is_remote(path) else str(_existing(Path(path)))
        # A run that ends now removes unfinished files; it shows itself that it can write.
        if place not in tested and not writer_of(path):
            tested.add(place)
            yield from _of_kind(kind, refusals_of(functools.partial(_try, path, place)))


def _of_kind(kind: Kind, found: Iterable[Told]) -> Iterator[Told]:
    """The findings; those about audits stop no run."""
    yield from found if kind == "run" else (warning(each.text) for each in found)


def space(settings: Settings) -> Iterator[Told]:
    """The disk of the output has room for a run, by the size of the inputs."""
    needed = 0.0
    for number in range(len(settings.config.inputs)):
        with contextlib.suppress(ChatsieveError, OSError):  # `inputs` reports them
            needed += sum(
                file.size * (_PACKED if file.path.endswith(_PACKED_ENDINGS) else _PLAIN)
                for file in files_of(settings, number).files
            )
    path = settings.output_path("run")
    if is_remote(path):
        return
    folder = _existing(Path(path))
    free = shutil.disk_usage(folder).free
    if free < needed:
        yield fault(
            f"{path}: the disk has {_size(free)} free, and a run over these inputs needs about "
            f"{_size(needed)}; make room, or give another output.path"
        )


def _damage(path: PurePath, catalog: Catalog | None) -> Iterator[Told]:
    entry = catalog.entry() if catalog else None
    if entry is not None and committed_manifest(store_of(path), entry) is None:
        yield warning(
            f"{path}@{entry.version}: its manifest is missing or damaged; `chatsieve verify` gives details, "
            "and the next run reads everything"
        )


def _existing(path: Path) -> Path:
    """The folder itself, or the nearest one above that exists: there a run makes the others."""
    return next(each for each in (path, *path.parents) if each.is_dir() or each == each.parent)


def _try(path: PurePath, place: str) -> None:
    """Writes and removes a test object; raises OutputError for the first step that does not work.

    In a bucket, the store itself tests with the first object whether conditions are kept.
    """
    store, name = store_of(place, durable=False), f"{TEMPORARY}doctor-{secrets.token_hex(8)}"
    try:
        try:
            is_first, is_again = store.create(name, b"1"), store.create(name, b"2")
            data, etag = store.read_tagged(name)
            store.replace(name, b"3", etag)
            is_kept = is_first and not is_again and (data, store.read(name)) == (b"1", b"3")
        finally:
            store.remove(name)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(
            f"{path}: a test object cannot be written and removed ({reason}); give this user the right, or "
            "another output.path"
        ) from error
    except (Conflict, Unknown):
        is_kept = False
    if not is_kept:
        raise OutputError(
            f"{path}: a test object is not kept as it was written; the file system or store is not fit for "
            "datasets: give another output.path"
        )


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1024
    raise AssertionError
