"""Requests to buckets over a connection that fails, and what they move."""

from __future__ import annotations

import errno
import io
import os
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import ConfigError
from tests.cluster.buckets import Server
from tests.cluster.proxy import SLOW_SECONDS, Proxy, proxy_of
from transforms.storage.contract import Store
from transforms.storage.objects import bucket
from transforms.storage.places import arrow_file, files_below, open_file, stat_file, store_of

pytestmark = pytest.mark.cluster
_ENDPOINTS = ("AWS_ENDPOINT_URL", "STORAGE_EMULATOR_HOST")


@pytest.fixture
def proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy in front of the server, with short pauses between tries."""
    monkeypatch.setattr(bucket, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(bucket, "LONGEST_PAUSE", 0.01)
    with proxy_of(server.endpoint) as found:
        for name in _ENDPOINTS:
            monkeypatch.setenv(name, found.url)
        bucket.client_of.cache_clear()
        yield found


def _first(*faults: str | int) -> Callable[[int, str], str | int | None]:
    return lambda number, _: faults[number - 1] if number <= len(faults) else None


def _calls(store: Store) -> dict[str, Callable[[], object]]:
    """A call of each kind that can be repeated."""
    return {
        "read": lambda: store.read("a"),
        "stat": lambda: store.stat("a").size,
        "open": lambda: store.open("a").read(),
        "put": lambda: store.put("b", b"x"),
        "names": store.names,
        "folders": store.folders,
        "remove": lambda: store.remove("b"),
        "copy": lambda: store.copy(store, "a", "b"),
    }


@pytest.mark.parametrize("faults", [(503, 503), (500,), (429,), ("reset",)], ids=str)
def test_what_can_be_repeated_is(place: str, proxy: Proxy, faults: tuple[str | int, ...]) -> None:
    """A run of hours must not fail for a moment of throttling, or a connection that breaks."""
    store = store_of(place)
    store.put("a", b"x")
    store.put("b", b"x")
    for name, call in _calls(store).items():
        proxy.begin(lambda _number, _method: None)
        expected, plain = call(), len(proxy.requests)
        store.put("b", b"x")
        if faults == ("reset",) and name in ("put", "remove", "copy") and place.startswith("s3"):
            continue  # `obstore` sends what changes something again after an answer only
        proxy.begin(_first(*faults))
        assert call() == expected, name
        assert len(proxy.requests) == plain + len(faults), name


@pytest.mark.parametrize("fault", [503, 500, 429, "reset", "lost"])
def test_a_conditional_put_without_an_answer_is_found_out(place: str, proxy: Proxy, fault: str | int) -> None:
    """Whether a claim or a commit was done is read, never guessed."""
    store = store_of(place)
    proxy.begin(_first(fault))
    assert store.create("claim", b"own")
    proxy.begin(_first(fault))
    assert not store.create("claim", b"other")
    data, etag = store.read_tagged("claim")
    assert data == b"own"
    proxy.begin(lambda number, _: fault if number == (2 if place.startswith("s3") else 3) else None)
    store.replace("claim", b"newer", etag)
    assert store.read("claim") == b"newer"


def test_tries_have_an_end(place: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is down for a day ends the run with one line."""
    monkeypatch.setattr(bucket, "RETRY_SECONDS", 0.3)
    store = store_of(place)
    store.put("a", b"x")
    for call in (*_calls(store).values(), lambda: store.create("claim", b"x")):
        proxy.begin(lambda _number, _method: 503)
        with pytest.raises(OSError, match="not available") as caught:
            call()
        assert 2 <= len(proxy.requests) < 80
        assert "\n" not in str(caught.value)
        assert caught.value.errno == errno.EAGAIN


def test_an_answer_that_does_not_come_is_not_waited_for_long(
    place: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that hangs would hold a run up for ever."""
    store_of(place).put("a", b"x")
    monkeypatch.setattr(bucket, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(bucket, "RETRY_SECONDS", 0.6)
    monkeypatch.setattr(bucket, "TRIES", 2)
    bucket.client_of.cache_clear()
    proxy.begin(lambda _number, _method: "slow")
    begun = time.monotonic()
    with pytest.raises(OSError, match="did not answer") as caught:
        store_of(place).read("a")
    assert time.monotonic() - begun < SLOW_SECONDS
    assert caught.value.errno == errno.ETIMEDOUT


def test_two_columns_of_twenty_row_groups_move_what_they_take(place: str, proxy: Proxy) -> None:
    """Facts read few columns; a log of terabytes must not be moved for them."""
    numbers = np.random.default_rng(1)
    table = pa.table({f"column_{n}": numbers.random(20 * 4096) for n in range(16)})
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=4096, compression="none", use_dictionary=False)
    size = len(sink.getvalue())
    store_of(place).put("table.parquet", sink.getvalue())
    proxy.begin(lambda _number, _method: None)
    with arrow_file(f"{place}/table.parquet") as file:
        found = pq.read_table(file, columns=["column_2", "column_9"])
    assert found.equals(table.select(["column_2", "column_9"]))
    wanted = sum(
        column.total_compressed_size
        for group in range(20)
        for column in (
            pq.ParquetFile(io.BytesIO(sink.getvalue())).metadata.row_group(group).column(n) for n in (2, 9)
        )
    )
    assert wanted < size / 7
    # The footer, which is 64 KiB for certain, and nothing of the other 14 columns.
    assert wanted <= proxy.moved <= wanted + (64 << 10) + 1024
    assert len(proxy.requests) <= 2 * 20 + 4


def test_a_stream_is_read_in_few_requests_and_moves_each_byte_once(place: str, proxy: Proxy) -> None:
    """A log of JSON Lines is read line by line; a request a line would take days."""
    lines = [b"%d %s\n" % (number, b"x" * 300) for number in range(60_000)]
    data = b"".join(lines)
    store_of(place).put("lines", data)
    proxy.begin(lambda _number, _method: None)
    with open_file(f"{place}/lines") as file:
        assert list(file) == lines
    assert len(data) <= proxy.moved < len(data) + 1024  # and the answer to what asks for its size
    assert len(proxy.requests) < 20


def test_a_file_that_is_replaced_while_it_is_read_is_an_error(place: str, proxy: Proxy) -> None:
    """Half of one state and half of another would be decided on as if it were a file."""
    store = store_of(place)
    store.put("a", bytes(1000))
    with store.open("a") as file:
        file.read(10)
        store.put("a", bytes([1]) * 1000)
        with pytest.raises(OSError, match="replaced or removed") as caught:
            file.read(10)
    assert caught.value.errno == errno.ESTALE
    assert proxy.requests


def test_files_below_a_prefix_are_listed_with_their_states(place: str) -> None:
    """Inputs are found by globs, and checked at the end to be what they were."""
    store = store_of(place)
    for number in range(1100):
        store.put(f"logs/{number:04d}.jsonl", b"x")
    found = files_below(f"{place}/logs")
    assert [path for path, _ in found] == [f"{place}/logs/{number:04d}.jsonl" for number in range(1100)]
    assert found[7][1].identity == stat_file(found[7][0]).identity
    assert files_below(f"{place}/log") == []


def _message(call: Callable[[], object]) -> str:
    with pytest.raises(OSError) as caught:
        call()
    assert not isinstance(caught.value, FileNotFoundError)
    shown = f"{caught.value}"
    assert "\n" not in shown
    assert "http://" not in shown
    return caught.value.strerror or ""


def test_a_missing_bucket_is_not_an_empty_dataset(place: str) -> None:
    """A wrong name would be a dataset without a version, and a run of hours in vain."""
    store = store_of(f"{place[:2]}://no-such-bucket/data")
    for call in (store.names, store.folders, lambda: store.read("CURRENT"), lambda: store.stat("CURRENT")):
        assert _message(call) == "the bucket does not exist"
    assert _message(lambda: store.put("a", b"x")) == "the bucket does not exist"
    assert _message(lambda: store.create("a", b"x")) == "the bucket does not exist"


def test_denied_access_and_a_dead_endpoint_end_in_one_line(
    place: str, server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The libraries' messages hold access keys, addresses and many lines."""
    proxy.begin(lambda _number, _method: 403)
    store = store_of(place)
    for call in (store.names, lambda: store.read("a"), lambda: store.put("a", b"x")):
        assert "denied access" in _message(call)
    if place.startswith("s3"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        bucket.client_of.cache_clear()
        assert "denied access" in _message(lambda: store.read("a"))
    for name in _ENDPOINTS:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setattr(bucket, "RETRY_SECONDS", 0.3)
    bucket.client_of.cache_clear()
    assert "cannot be reached" in _message(lambda: store.read("a"))


@pytest.mark.parametrize(
    ("scheme", "module", "extra"), [("s3", "obstore", "s3"), ("gs", "google.cloud", "gcs")]
)
def test_a_missing_library_names_its_extra(
    scheme: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The libraries are not installed for those who have no bucket."""
    monkeypatch.setitem(sys.modules, module, None)
    for name in [name for name in sys.modules if name.startswith("transforms.storage.objects.")]:
        if name.rpartition(".")[2] in ("s3", "gcs"):
            monkeypatch.delitem(sys.modules, name)
    bucket.client_of.cache_clear()
    with pytest.raises(ConfigError, match=rf"chatsieve\[{extra}\]"):
        store_of(f"{scheme}://bucket/data").names()
    bucket.client_of.cache_clear()


def test_urls_with_credentials_are_refused_without_showing_them() -> None:
    """They would end up in manifests and logs."""
    for url in (
        "s3://key:secret@bucket/data",
        "s3://bucket",
        "gs://bucket/a/../b",
        "s3:///data",
        "s3://b?x=secret/a",
    ):
        with pytest.raises(ConfigError) as caught:
            store_of(url) if url != "s3://bucket" else bucket.parse(url, prefix=True)
        assert "secret" not in str(caught.value)
    assert os.environ.get("AWS_SECRET_ACCESS_KEY", "") == ""
