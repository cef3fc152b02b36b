"""Installs Debian packages that tests need, if they are missing and installation is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

_SECONDS_TO_INSTALL = 600


def found_or_installed[T](find: Callable[[], T | None], package: str, untested: str) -> T:
    """The result of `find`, if necessary after an installation; else skips the test with `untested`."""
    if found := find():
        return found
    why = "no apt-get here" if not shutil.which("apt-get") else "not run as root" if os.geteuid() else ""
    if not why:
        for command in (["update"], ["install", "-y", "--no-install-recommends", package]):
            done = subprocess.run(
                ["apt-get", "-qq", *command],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                capture_output=True,
                check=False,
                timeout=_SECONDS_TO_INSTALL,
            )
            why = f"apt-get {command[0]} ended with {done.returncode}" if done.returncode else ""
        if found := find():
            return found
    pytest.skip(f"{untested}: there is no {package} and it cannot be installed ({why})")
