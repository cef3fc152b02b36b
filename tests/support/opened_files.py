"""Records the files that tests open outside the clone: a lone clone has nothing beside it.

An audit hook sees each file that Python opens and each folder that it lists, in the process of the tests and
in the commands that they fork. Libraries in C that open files themselves are not seen.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
import tempfile
from pathlib import Path

from tests.support.samples import samples_folder

ROOT = Path(__file__).resolve().parents[2]
_SYSTEM = ("/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sys", "/usr", "/var/lib")
_MADE = ("os.mkdir", "tempfile.mkstemp")
_LISTED = ("open", "os.listdir", "os.scandir")
_outside: list[str] = []
_folders: list[str] = []


def guard() -> None:
    """Starts recording in this process and its forks; there is no end."""
    if not _folders:
        _folders.extend(allowed_folders())
        sys.addaudithook(_hook)


def allowed_folders() -> list[str]:
    """The clone, the environment, the interpreter, the system, pytest's folders, and the samples if set.

    An entry that ends with `-` is the begin of a name, one that ends with `/.` a folder without its contents.
    """
    temporary = tempfile.gettempdir()
    folders = [str(ROOT), sys.prefix, sys.base_prefix, *map(sysconfig.get_path, ("stdlib", "platstdlib"))]
    folders += [*_SYSTEM, f"{temporary}/pytest-of-", f"{temporary}/."]
    # A command looks there for the folders of killed commands.
    folders += ["/tmp/.", "/tmp/chatsieve-sockets-", f"{temporary}/chatsieve-"]  # noqa: S108
    samples = samples_folder()
    return [*folders, str(samples)] if samples else folders


def take() -> list[str]:
    """The paths recorded since the last call."""
    taken = _outside.copy()
    _outside.clear()
    return taken


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event in _LISTED:
        path = arguments[0]
        # The hook runs inside of any call, so it takes no lock: `tempfile.gettempdir` would.
        if isinstance(path, str | bytes | os.PathLike):
            path = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - links are no matter
            # A path where no file is changes nothing.
            if not _is_inside(path) and os.path.lexists(path):
                _outside.append(path)
    elif event in _MADE:
        # What this process makes is its own, wherever the temporary folder is.
        path = os.path.abspath(os.fsdecode(arguments[0]))  # type: ignore[arg-type] # noqa: PTH100
        if not _is_inside(path) and not os.path.lexists(path):
            _folders.append(path)
            _is_inside.cache_clear()


@functools.lru_cache(100_000)
def _is_inside(path: str) -> bool:
    for folder in _folders:
        if path == folder.removesuffix("/.") or path.startswith(
            folder if folder[-1] == "-" else f"{folder}/"
        ):
            return True
    return False
