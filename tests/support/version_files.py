"""The files of two versions, to be compared byte by byte."""

from __future__ import annotations

from pathlib import Path, PurePath

#: Folders whose files depend on inputs, consent and configuration alone.
_FOLDERS = ("data", "ledger", "quarantine", "restricted")


def files_of(version: PurePath) -> dict[str, bytes]:
    """The content of each file of a version, by its name, besides report, card and manifest."""
    folder = Path(version)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for part in _FOLDERS
        for path in sorted((folder / part).rglob("*"))
        if path.is_file()
    }
