"""Stores in buckets keep the contract of stores, and survive lost, late and repeated requests."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Iterator

import pytest

from tests.cluster.buckets import Server
from tests.prove.faulty_requests import CHANGES, FaultyBucket, FaultyRequests
from tests.support.store_contract import CONTRACT
from transforms.storage.contract import Buffer, Conflict, Store, Unknown
from transforms.storage.objects import bucket
from transforms.storage.objects import store as stores
from transforms.storage.objects.token import with_token
from transforms.storage.places import store_of

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("fast_and_plain")]


@contextlib.contextmanager
def _faults(nth: int, fault: str) -> Iterator[FaultyRequests]:
    """The n-th request of the block meets the fault; what is late is done at its end."""
    faults = FaultyRequests(nth, fault)
    plain = bucket.WRAP
    bucket.WRAP = faults.wrap
    try:
        yield faults
    finally:
        bucket.WRAP = plain
        faults.finish()


@pytest.mark.parametrize("case", CONTRACT, ids=lambda case: case.__name__)
def test_a_store_in_a_bucket(case: Callable[[Store], None], place: str) -> None:
    """Commands use stores by this contract alone."""
    case(store_of(place))


def test_a_store_shows_no_credential(server: Server, place: str) -> None:
    """A store travels in the graph, and its text in messages."""
    store = store_of(place)
    store.put("a", b"x")
    shown = repr(store).encode() + pickle.dumps(store)
    for name, value in server.environment.items():
        assert value.encode() not in shown, name


@pytest.mark.parametrize("fault", ["failed", *CHANGES])
def test_create_tells_the_truth_whatever_request_meets_a_fault(place: str, fault: str) -> None:
    """A writer that takes another's claim for its own writes the same version."""
    for nth in range(1, 6):
        store = store_of(f"{place}/{nth}")
        with _faults(nth, fault) as faults:
            told = None
            with contextlib.suppress(OSError):
                told = store.create("claim", b"own")
            reached = len(faults.done) >= nth
        assert told is not False
        if told:
            assert store.read("claim") == b"own"
        assert not store.create("claim", b"other") or told is None
        if not reached:
            break


@pytest.mark.parametrize("fault", ["failed", *CHANGES])
@pytest.mark.parametrize("first", [None, b"one"])
def test_replace_tells_the_truth_whatever_request_meets_a_fault(
    place: str, first: bytes | None, fault: str
) -> None:
    """Whether a commit counts is known, or the store says that it is not."""
    for nth in range(1, 6):
        store = store_of(f"{place}/{nth}")
        if first is not None:
            store.put("CURRENT", first)
        etag = None if first is None else store.read_tagged("CURRENT")[1]
        with _faults(nth, fault) as faults:
            is_done: bool | None = False
            try:
                store.replace("CURRENT", b"two", etag)
                is_done = True
            except Unknown:
                is_done = None
            except OSError:
                is_done = False
            reached = len(faults.done) >= nth
        found = store.read("CURRENT") if "CURRENT" in store.names() else None
        if is_done is not None:
            assert found == (b"two" if is_done else first)
        if not reached:
            break


@pytest.mark.parametrize("fault", ["late", "last"])
@pytest.mark.parametrize("first", [None, b"one"])
def test_what_was_revoked_is_not_done_later(place: str, first: bytes | None, fault: str) -> None:
    """A put without an answer may be under way for minutes; whoever revokes it removes its files."""
    store = store_of(place)
    if first is not None:
        store.put("CURRENT", first)
    etag = None if first is None else store.read_tagged("CURRENT")[1]

    def fails_from_now_on() -> bool:
        faults.do = _refusing(faults.do)  # type: ignore[method-assign]
        return True

    with _faults(2, fault) as faults:
        with pytest.raises(Unknown):
            store.replace("CURRENT", b"two", etag, fails_from_now_on)
        bucket.WRAP = plain = FaultyRequests().wrap
        store.revoke("CURRENT")
        bucket.WRAP = plain
        faults.finish()
        assert [name for name, _ in faults.done] == ["get", "put"]
        if first is None:
            with pytest.raises(FileNotFoundError):
                store.read("CURRENT")
        else:
            assert store.read("CURRENT") == first


def _refusing(do: Callable[..., object]) -> Callable[..., object]:
    """The next request meets its fault, and all after it fail: the connection is gone."""
    left = [do]

    def refusing(*arguments: object) -> object:
        if left:
            return left.pop()(*arguments)
        raise OSError("gone")

    return refusing


def test_a_stopped_replacement_never_undoes_another(place: str) -> None:
    """One is stopped before each of its requests while the other is done, as a writer that wakes up is."""
    for first in (None, b"one"):
        for nth in range(1, 6):
            store = store_of(f"{place}/{first!r}/{nth}".replace("'", ""))
            if first is not None:
                store.put("CURRENT", first)
            etag = None if first is None else store.read_tagged("CURRENT")[1]
            done: list[bytes] = []

            def replace(
                data: bytes, store: Store = store, etag: str | None = etag, done: list[bytes] = done
            ) -> None:
                with contextlib.suppress(Conflict):
                    store.replace("CURRENT", data, etag)
                    done.append(data)

            with _faults(0, "") as faults:
                faults.before = _once_at(nth, lambda: replace(b"others"))  # type: ignore[method-assign]
                replace(b"own")
            if not done:
                replace(b"own")
            assert done == [store.read("CURRENT")]


def _once_at(nth: int, meanwhile: Callable[[], None]) -> Callable[[int], None]:
    def before(number: int) -> None:
        if number == nth:
            faulty, bucket.WRAP = bucket.WRAP, bucket._same
            meanwhile()
            bucket.WRAP = faulty

    return before


def test_a_store_that_ignores_conditions_is_refused(place: str) -> None:
    """Some services that speak the API of S3 overwrite without a word: two writers would both be first."""

    class Blind(FaultyBucket):
        def put(self, key: str, data: Buffer, identity: str | None = None) -> None:
            super().put(key, data, None if identity in ignored else identity)

    store = store_of(place)
    ignored: set[str] = set()
    for identities in ((bucket.ABSENT, '"0"', "1"), ('"0"', "1")):
        ignored.clear()
        ignored.update(identities)
        stores._CHECKED.clear()
        bucket.WRAP = lambda plain: Blind(plain, FaultyRequests())
        bucket.client_of.cache_clear()
        with pytest.raises(OSError, match="ignores the conditions"):
            store.create("claim", b"one")
        assert store.names() == []
    bucket.WRAP = bucket._same
    assert store.create("claim", b"one")


def test_a_token_is_taken_off_and_nothing_else(place: str) -> None:
    """Content that ends in white space is content."""
    store = store_of(place)
    for number, data in enumerate([b"", b" ", b"\n", b" " * 64, b" " * 63 + b"\n", b"x\t\n"]):
        store.put(f"put/{number}", data)
        assert store.read(f"put/{number}") == data
        if data:
            assert store.create(f"create/{number}", data)
            assert store.read(f"create/{number}") == data
    assert with_token(b"x") != with_token(b"x")
