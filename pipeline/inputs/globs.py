"""Expands a path or glob of the configuration, on local disk or in an object store."""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import glob
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from schemas.errors import InputError, StoreError
from schemas.manifest import FORMAT, VERSION_FOLDER
from transforms.sources.base import InputFile
from transforms.sources.registry import source_of
from transforms.storage.contract import Stat
from transforms.storage.places import files_below, is_remote, open_file, stat_file

_MAGIC = re.compile(r"[*?\[]")


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """Errors of a store become an InputError: nothing was written yet."""
    try:
        yield
    except StoreError as error:
        raise InputError(str(error)) from None
    except OSError as error:
        if not is_remote(str(error.filename)):
            raise
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from None


def input_files(pattern: str, source_format: str) -> list[InputFile]:
    """The files of a path, folder or glob that the format reads, sorted; InputError if there are none."""
    found = files_of_format(pattern, source_format)
    if not found:
        raise InputError(f"{pattern}: no such input; give an existing file or a glob that matches a file")
    return found


def files_of_format(pattern: str, source_format: str) -> list[InputFile]:
    """The files of a path, folder or glob that the format reads, sorted.

    InputError for a folder if the format has no names of files in folders.
    """
    with refused():
        if not is_folder(pattern):
            return files_matching(pattern)
        inside = source_of(source_format).folder_patterns
        if inside:
            return files_in(pattern, inside)
        if is_remote(pattern) and not files_below(pattern):
            return []  # a name that no object has
    raise InputError(f"{pattern}: is a folder; give a file or a glob such as {pattern}/*.jsonl")


def files_at(path: str) -> list[InputFile]:
    """All files of a path, folder or glob, sorted, whatever their format; InputError if there are none."""
    with refused():
        if not is_folder(path):
            return input_files(path, "canonical")
        found = files_in(path, None)
    if not found:
        raise InputError(f"{path}: has no files; give a file, folder or glob with logs")
    return found


def matching(pattern: str) -> list[str]:
    """The path itself if it exists, else the matches of the glob, including hidden files, in no order.

    A glob does not match below a dataset: a run must not read its own quarantine or rows, nor another's.
    In a store, only objects match. OSError where a store cannot be listed.
    """
    if is_remote(pattern):
        return [file.path for file in objects_matching(pattern)]
    if Path(pattern).exists():
        return [pattern]
    # pathlib cannot glob an absolute pattern.
    found = glob.glob(pattern, recursive=True, include_hidden=True)  # noqa: PTH207
    fixed = Path(_MAGIC.split(pattern)[0].rpartition("/")[0])
    is_dataset = functools.cache(_is_dataset)
    return [path for path in found if not any(map(is_dataset, _folders_of(Path(path), fixed)))]


def files_matching(pattern: str) -> list[InputFile]:
    """The files of a path or glob, sorted. OSError where a store cannot be listed."""
    if is_remote(pattern):
        return objects_matching(pattern)
    paths = sorted({path for path in matching(pattern) if Path(path).is_file()})
    return [InputFile(path, Path(path).stat().st_size) for path in paths]


def files_in(folder: str, patterns: Sequence[str] | None) -> list[InputFile]:
    """The files below a folder that match one of the patterns, sorted; all files for None.

    Files of datasets below the folder are left out, unless all files are asked for.
    """
    if is_remote(folder):
        folder = folder.rstrip("/")
        found = _listed(folder)
        return found if patterns is None else _matches(found, folder, [each.split("/") for each in patterns])
    if patterns is None:
        paths = sorted(str(file) for file in Path(folder).rglob("*") if file.is_file())
        return [InputFile(path, Path(path).stat().st_size) for path in paths]
    return sorted({file for each in patterns for file in files_matching(f"{glob.escape(folder)}/{each}")})


def is_folder(path: str) -> bool:
    """True for a folder; in a store, for what is no object and has no wildcard."""
    if is_remote(path):
        return not _MAGIC.search(path) and _object(path) is None
    return Path(path).is_dir()


def is_file(path: str) -> bool:
    """True for a file or an object. OSError where a store cannot be asked."""
    return _object(path) is not None if is_remote(path) else Path(path).is_file()


def objects_matching(pattern: str) -> list[InputFile]:
    """The object itself if it exists, else the objects that match the glob as files would, sorted.

    All objects below the last folder before the first wildcard are listed. One that is missing in a listing
    that lags behind is not found.
    """
    found = _object(pattern)
    if found is not None:
        return [found]
    if not _MAGIC.search(pattern):
        return []
    fixed = _MAGIC.split(pattern)[0].rpartition("/")[0]
    return _matches(_listed(fixed), fixed, [pattern.removeprefix(f"{fixed}/").split("/")])


def _object(path: str) -> InputFile | None:
    if path.count("/") < 3:
        return None  # a bucket
    try:
        stat = stat_file(path)
    except FileNotFoundError:
        return None
    return _input_file(path, stat)


def _input_file(path: str, stat: Stat) -> InputFile:
    return InputFile(path, stat.size, stat.identity)


def _listed(folder: str) -> list[InputFile]:
    found = [_input_file(path, stat) for path, stat in files_below(folder)]
    # An empty object may be the mark of a folder: listings do not give the slash at its end.
    return [file for file in found if file.size or _object(file.path) is not None]


def _matches(files: Iterable[InputFile], folder: str, patterns: Sequence[list[str]]) -> list[InputFile]:
    """The files below the folder that match a pattern and are in no dataset."""
    files = list(files)
    names = {file.path for file in files}
    datasets = functools.cache(lambda above: _is_remote_dataset(above, names))
    found = []
    for file in files:
        parts = file.path.removeprefix(f"{folder}/").split("/")
        if any(_fits(parts, wanted) for wanted in patterns):
            above = itertools.accumulate(parts[:-1], lambda a, b: f"{a}/{b}", initial=folder)
            if not any(map(datasets, above)):
                found.append(file)
    return found


def _fits(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    """True if the names fit the parts of a glob as `glob` expands it; `**` is any number of folders."""
    if not parts or not wanted:
        return not parts and not wanted
    if wanted[0] == "**":
        return len(wanted) == 1 or _fits(parts, wanted[1:]) or _fits(parts[1:], wanted)
    return fnmatch.fnmatchcase(parts[0], wanted[0]) and _fits(parts[1:], wanted[1:])


def _is_remote_dataset(folder: str, names: set[str]) -> bool:
    if VERSION_FOLDER.match(folder.rpartition("/")[2]):
        return True
    if f"{folder}/CURRENT" not in names:
        return False
    with open_file(f"{folder}/CURRENT") as file:
        return FORMAT.encode() in file.read(64)


def _folders_of(path: Path, fixed: Path) -> list[Path]:
    """The folders of a match from its own up to the one that the pattern begins with."""
    above = itertools.takewhile(lambda folder: folder != fixed.parent, path.parents)
    return list(above)


def _is_dataset(folder: Path) -> bool:
    """True for the folder of a dataset or audit, and for that of a version, committed or not."""
    if VERSION_FOLDER.match(folder.name):
        return True
    try:
        with (folder / "CURRENT").open("rb") as file:
            return FORMAT.encode() in file.read(64)
    except OSError:
        return False
