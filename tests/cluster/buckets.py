"""Servers of object stores on loopback, each with a bucket of its own, for the tests of one module."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cluster.servers import program

BUCKET = "chatsieve-tests"


class Server(NamedTuple):
    """The URL of a bucket, and what the environment needs to reach it."""

    url: str
    endpoint: str
    environment: dict[str, str]


@contextlib.contextmanager
def s3_server(folder: Path) -> Iterator[Server]:
    """versitygw over a folder; access key and secret are made up here.

    It keeps ETags in extended attributes of the files. With `--sidecar`, which keeps them in other files, it
    gives the old content with the new ETag for a moment: of 60 races of 8 commits, 12 had two winners.
    """
    port = _free_port()
    access, secret = secrets.token_hex(10), secrets.token_hex(20)
    files = folder / "files"
    (files / BUCKET).mkdir(parents=True)
    check_attributes(files)
    address = f"127.0.0.1:{port}"
    given = {"ROOT_ACCESS_KEY": access, "ROOT_SECRET_KEY": secret}
    arguments = ["--port", address, "posix", str(files)]
    with _running([program("versitygw"), *arguments], port, folder, given):
        yield Server(
            f"s3://{BUCKET}",
            f"http://{address}",
            {
                "AWS_ACCESS_KEY_ID": access,
                "AWS_SECRET_ACCESS_KEY": secret,
                "AWS_ENDPOINT_URL": f"http://{address}",
                "AWS_REGION": "us-east-1",
            },
        )


def check_attributes(folder: Path) -> None:
    """Fails the test where the file system has no extended attributes of users."""
    try:
        os.setxattr(folder, "user.chatsieve", b"1")
    except OSError as error:
        pytest.fail(f"{folder}: the file system has no user attributes ({error.strerror}); set TMPDIR")


@contextlib.contextmanager
def gcs_server(folder: Path) -> Iterator[Server]:
    """fake-gcs-server with its objects in memory."""
    port = _free_port()
    host = f"127.0.0.1:{port}"
    arguments = ["-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port", str(port)]
    with _running([program("fake-gcs-server"), *arguments, "-public-host", host], port, folder, {}):
        request = urllib.request.Request(
            f"http://{host}/storage/v1/b?project=tests",
            data=json.dumps({"name": BUCKET}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            assert answer.status == 200
        yield Server(f"gs://{BUCKET}", f"http://{host}", {"STORAGE_EMULATOR_HOST": f"http://{host}"})


SERVERS = {"s3": s3_server, "gs": gcs_server}


@contextlib.contextmanager
def _running(command: list[str], port: int, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **environment})
        try:
            _wait(process, port, folder / "log")
            yield
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Returns when the server takes connections."""
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"the server did not start: {log.read_text()[-500:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
