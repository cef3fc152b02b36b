"""A bucket of each kind of store for the tests of this folder."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import pytest

from tests.cluster.buckets import SERVERS, Server
from transforms.storage.objects import bucket
from transforms.storage.objects.bucket import client_of


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """The servers of all kinds, until the tests end."""
    with contextlib.ExitStack() as stack:
        yield {
            kind: stack.enter_context(start(tmp_path_factory.mktemp(kind))) for kind, start in SERVERS.items()
        }


@pytest.fixture(params=sorted(SERVERS))
def server(
    request: pytest.FixtureRequest, servers: dict[str, Server], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """Each kind of server in turn, named in the environment."""
    found = servers[request.param]
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    client_of.cache_clear()
    yield found
    client_of.cache_clear()


@pytest.fixture
def fast_and_plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pauses are short, and no fault is left for the next test."""
    monkeypatch.setattr(bucket, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(bucket, "WRAP", bucket.WRAP)
    yield
    bucket.client_of.cache_clear()


@pytest.fixture
def place(server: Server) -> str:
    """The URL of a prefix that nothing is below yet."""
    return f"{server.url}/{secrets.token_hex(4)}"
