"""Programs in an empty root: no network, no files of this machine but those that the root was given.

A root has a Python like that of a slim image: the interpreter of this machine with its standard library, the
libraries that these need, and the few programs that the steps of a build call.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

#: The programs that a slim image has and a build may call.
_PROGRAMS = ("sh", "env", "cat", "ls", "rm", "mkdir", "id", "uname")
#: Libraries of a slim image (Debian's base) that wheels may need and Python itself does not.
_LIBRARIES = ("libstdc++.so.6", "libgcc_s.so.1", "librt.so.1", "libpthread.so.0", "libdl.so.2")
#: After this time a command counts as hanging.
_MOST_SECONDS = 600
_DEVICES = ("null", "zero", "full", "random", "urandom")


def check_possible() -> None:
    """The test fails, with the reason, where namespaces cannot be made."""
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "true"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.fail(f"unshare cannot be started ({error.strerror}): install util-linux")
    if done.returncode:
        pytest.fail(f"an empty root needs root and namespaces: {done.stderr.strip()}")


def make_root(root: Path) -> None:
    """Fills an empty folder with Python, its libraries, and a shell."""
    for name in ("bin", "dev", "etc", "proc", "tmp", "usr/bin", "usr/local/bin", "usr/local/lib", "work"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")  # as every engine writes it
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    interpreter = Path(os.path.realpath(sys.executable))
    shutil.copy2(interpreter, root / "usr/local/bin" / version)
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to(version)
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(
        library,
        root / "usr/local/lib" / version,
        symlinks=True,
        ignore=lambda folder, names: (
            {"site-packages", "test"} & set(names)
            if Path(folder) == library
            else {"__pycache__"} & set(names)
        ),
    )
    programs = [Path(os.path.realpath(str(shutil.which(name)))) for name in _PROGRAMS]
    for name, program in zip(_PROGRAMS, programs, strict=True):
        shutil.copy2(program, root / "bin" / name)
    modules = sorted((library / "lib-dynload").glob("*.so"))
    for path in _libraries([interpreter, *programs, *modules]):
        copy = root / str(path).lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            shutil.copy2(os.path.realpath(path), copy)


def _libraries(programs: Sequence[Path]) -> list[Path]:
    """The shared libraries that programs and modules need, and those of a slim image."""
    listed = subprocess.run(
        ["ldd", *map(str, programs)], capture_output=True, text=True, check=False, env={"LANG": "C"}
    ).stdout
    found = {Path(path) for path in re.findall(r"(?:=> |^\s)(/\S+) \(0x", listed, re.M)}
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    for name in _LIBRARIES:
        paths = re.findall(rf"^\s{re.escape(name)} \(libc6,x86-64.*=> (\S+)", known, re.M)
        found.update(map(Path, paths[:1]))
    return sorted(found)


@dataclasses.dataclass(frozen=True)
class Root:
    """How a program is started in a root. `volumes`: folders of this machine by place in the root.

    With `is_read_only`, only /tmp and the volumes can be written. `beside`: shell commands that run outside
    of the root, on the same network, until the program ends.
    """

    path: Path
    environment: Mapping[str, str]
    user: tuple[int, int] = (0, 0)
    folder: str = "/"
    volumes: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    is_read_only: bool = False
    beside: Sequence[str] = ()

    def run(self, command: Sequence[str], check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, in namespaces of its own; all its processes end with it."""
        done = subprocess.run(
            self.started(command),
            capture_output=True,
            text=True,
            check=False,
            env=dict(self.environment),
            timeout=_MOST_SECONDS,
        )
        if check and done.returncode:
            raise AssertionError(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def started(self, command: Sequence[str]) -> list[str]:
        """The command that starts another one in this root. It needs root; the other one runs as `user`."""
        mounts = [
            "set -e",
            "given=$PATH",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "ip link set lo up",
            "mount --make-rprivate /",
            f"mount --bind {self.path} {self.path}",
            f"mount -t proc proc {self.path}/proc",
            f"mount -t tmpfs -o mode=755 tmpfs {self.path}/dev",
            f"mkdir -m 1777 {self.path}/dev/shm",  # noqa: S108 - in the root
        ]
        for name in _DEVICES:
            place = f"{self.path}/dev/{name}"
            mounts.append(f"touch {place}; mount --bind /dev/{name} {place}")
        for place, folder in self.volumes.items():
            mounts.append(f"mkdir -p {self.path}{place}; mount --bind {folder} {self.path}{place}")
        if self.is_read_only:
            mounts.append(f"mount -o remount,bind,ro {self.path}")
        mounts.append(f"mount -t tmpfs -o mode=1777 tmpfs {self.path}/tmp")  # noqa: S108 - in the root
        mounts += [f"{command} &" for command in self.beside]
        user, group = self.user
        mounts.append("PATH=$given")
        mounts.append(
            f'/usr/sbin/chroot --userspec={user}:{group} --groups= {self.path} /bin/env -C {self.folder} "$@"'
        )
        unshare = ["/usr/bin/unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
        return [*unshare, "/bin/sh", "-c", "\n".join(mounts), "enter", *command]
