"""The files in an archive, opened with one reading of its directory, and the archives that are refused."""

from __future__ import annotations

import collections
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PureWindowsPath
from typing import IO, NamedTuple

from schemas.records import Limits
from transforms.sources.faults import Fault
from transforms.sources.files import open_archive, size_of

#: Bit 0 of the general purpose flags (APPNOTE.TXT 4.4.4): the member is encrypted.
_ENCRYPTED = 1


class Member(NamedTuple):
    """A file in an archive. `label`: its number, as its name may identify a user; empty for the only one."""

    label: str
    open: Callable[[], IO[bytes]]


@contextmanager
def archive_members(path: str, wanted: Callable[[str], object], limits: Limits) -> Iterator[list[Member]]:
    """The members whose last name is `wanted`, sorted by name, readable until the end of the context.

    The directory is read once: opening the archive for each member takes time quadratic in their number.
    Members are never extracted, so their folders have no effect. Raises Fault: `oversize_file` above the
    limits for archives, `duplicate_member` for a name given twice, `encrypted_file`, and `unknown_format`
    without a member.
    """
    with open_archive(path) as archive:
        if len(archive.filelist) > limits.max_archive_members:
            raise Fault("oversize_file")
        # Some programs separate folders by a backslash.
        found = [info for info in archive.filelist if wanted(PureWindowsPath(info.filename).name)]
        _check(found, size_of(path), limits)
        yield [
            Member(f"member {number}" if len(found) > 1 else "", _opener(archive, info))
            for number, info in enumerate(sorted(found, key=lambda info: info.filename), 1)
        ]


def _check(found: list[zipfile.ZipInfo], size: int, limits: Limits) -> None:
    if not found:
        raise Fault("unknown_format")
    if max(collections.Counter(info.filename for info in found).values()) > 1:
        raise Fault("duplicate_member")
    if any(info.flag_bits & _ENCRYPTED for info in found):
        raise Fault("encrypted_file")
    # zipfile reads no more of a member than its declared size, and members that overlap count each.
    whole = sum(info.file_size for info in found)
    if whole > max(limits.max_record_bytes, size * limits.max_decompression_ratio):
        raise Fault("oversize_file")


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)
