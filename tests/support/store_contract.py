"""What every store promises, as functions that check one store each; it has to be empty."""

from __future__ import annotations

import concurrent.futures
import contextlib
import io
import pickle
from collections.abc import Callable

import pytest

from transforms.storage.contract import Conflict, Store

_RACERS = 8


def an_object_that_was_put_is_read_listed_and_replaced_whole(store: Store) -> None:
    """A retry writes the same name again."""
    store.put("a/b", b"one")
    store.put("a/b", memoryview(b"twofold")[:3])
    found = (store.read("a/b"), store.names(), store.names("a/"), store.names("a/b"), store.names("b"))
    assert found == (b"two", ["a/b"], ["a/b"], ["a/b"], [])
    assert store.stat("a/b").size == 3
    assert (store.sizes(), store.sizes("a/"), store.sizes("b")) == ({"a/b": 3}, {"a/b": 3}, {})


def what_is_absent_is_not_found(store: Store) -> None:
    """A dataset that does not exist yet is no error, and must not be taken for one that cannot be read."""
    for call in (store.read, store.read_tagged, store.stat, store.open):
        with pytest.raises(FileNotFoundError):
            call("none")
    assert (store.names(), store.folders(), store.entries()) == ([], [], [])
    store.remove("none")


def an_identity_changes_with_the_object(store: Store) -> None:
    """What was decided is what was written: a file that is replaced in the meantime is noticed."""
    store.put("a", b"one")
    before = store.stat("a").identity
    assert store.stat("a").identity == before
    store.put("a", b"two")
    assert store.stat("a").identity != before


def create_refuses_a_name_that_is_taken(store: Store) -> None:
    """A claim belongs to one writer, whatever the others write."""
    assert store.create("claim", b"one")
    assert not store.create("claim", b"two")
    assert not store.create("claim", b"one")
    assert store.read("claim") == b"one"


def of_many_writers_exactly_one_creates(store: Store) -> None:
    """Two runs that start at once must not both hold a version, even if they write the same."""
    with concurrent.futures.ThreadPoolExecutor(_RACERS) as racers:
        won = list(racers.map(lambda _: store.create("claim", b"same"), range(_RACERS)))
    assert won.count(True) == 1


def of_many_replacements_at_most_one_is_done(store: Store) -> None:
    """Two commits on top of one version: the second would undo the first."""
    store.put("CURRENT", b"one")
    etag = store.read_tagged("CURRENT")[1]

    def replace(number: int) -> bytes | None:
        with contextlib.suppress(Conflict):  # on disk, several may revoke each other
            store.replace("CURRENT", b"%d" % number, etag)
            return b"%d" % number
        return None

    with concurrent.futures.ThreadPoolExecutor(_RACERS) as racers:
        done = [data for data in racers.map(replace, range(_RACERS)) if data]
    assert done in ([], [store.read("CURRENT")])
    assert done or store.read("CURRENT") == b"one"


def replace_takes_the_etag_of_what_is_there_and_no_other(store: Store) -> None:
    """A commit on top of a version that is no longer current would undo another's commit."""
    store.put("CURRENT", b"one")
    data, etag = store.read_tagged("CURRENT")
    assert data == b"one"
    newer = store.replace("CURRENT", b"two", etag)
    for wrong in (etag, None):
        with pytest.raises(Conflict):
            store.replace("CURRENT", b"three", wrong)
    assert store.read_tagged("CURRENT") == (b"two", newer)
    with pytest.raises(Conflict):
        store.replace("absent", b"three", newer)
    assert store.read_tagged("absent2" if store.replace("absent2", b"x", None) else "")[0] == b"x"


def _revoked(store: Store, first: bytes | None) -> None:
    if first is not None:
        store.put("CURRENT", first)
    etag = None if first is None else store.read_tagged("CURRENT")[1]

    def may() -> bool:
        store.revoke("CURRENT")
        return True

    with pytest.raises(Conflict):
        store.replace("CURRENT", b"two", etag, may)
    with pytest.raises(Conflict):
        store.replace("CURRENT", b"two", etag, lambda: False)
    if first is None:
        with pytest.raises(FileNotFoundError):
            store.read("CURRENT")
    else:
        assert store.read_tagged("CURRENT") == (first, etag)
    store.replace("CURRENT", b"two", etag)
    assert store.read("CURRENT") == b"two"


def a_revoked_replacement_is_never_done(store: Store) -> None:
    """Whoever takes a claim over relies on it, although no object has changed."""
    _revoked(store, b"one")


def a_revoked_first_version_is_never_done(store: Store) -> None:
    """Before the first commit there is no object whose etag could change."""
    _revoked(store, None)


def what_was_revoked_before_it_existed_can_be_created(store: Store) -> None:
    """The writer that takes over goes on."""
    store.revoke("claim")
    assert store.create("claim", b"one")
    assert not store.create("claim", b"two")


def copies_outlive_their_source(store: Store) -> None:
    """Removing a version takes nothing from another."""
    store.put("v1/data", b"x")
    store.copy(store, "v1/data", "v2/data")
    store.remove("v1/data")
    assert (store.read("v2/data"), store.names()) == (b"x", ["v2/data"])
    with pytest.raises(FileNotFoundError):
        store.copy(store, "v1/data", "v3/data")


def folders_are_the_first_parts_and_are_removed_whole(store: Store) -> None:
    """Leftovers of a run are found by its folder."""
    for name in ("CURRENT", "v1/data/a", "v1/data/b", "v1/m", "v10/x"):
        store.put(name, b"x")
    assert (store.folders(), store.entries()) == (["v1", "v10"], ["CURRENT", "v1", "v10"])
    store.remove_all("v1")
    assert store.names() == ["CURRENT", "v10/x"]
    store.remove_all("v1")


def names_stay_below_the_store(store: Store) -> None:
    """A manifest could name any file."""
    for name in ("/etc/x", "../x", "a/../../x"):
        with pytest.raises(ValueError, match="relative"):
            store.read(name)
        with pytest.raises(ValueError, match="relative"):
            store.put(name, b"x")


def names_may_hold_any_letter(store: Store) -> None:
    """A folder of logs is named by people."""
    names = sorted(["a b/c+d", "ü/ß", "100%/x#1?y=z&", "~tilde (1)/[x]'\""])
    for name in names:
        store.put(name, name.encode())
    assert store.names() == names
    assert [store.read(name).decode() for name in names] == names


def an_opened_object_is_read_at_any_place(store: Store) -> None:
    """A footer is read first, then the columns."""
    data = bytes(range(256)) * 400
    store.put("a", data)
    with store.open("a") as file:
        assert file.read(10) == data[:10]
        assert file.seek(-10, io.SEEK_END) == len(data) - 10
        assert file.read() == data[-10:]
        assert file.read(1) == b""
        file.seek(1000)
        assert (file.read(5), file.tell()) == (data[1000:1005], 1005)
        file.seek(0)
        assert b"".join(iter(lambda: file.read(999), b"")) == data
        file.seek(0)
        assert list(file) == list(io.BytesIO(data))


def a_large_object_is_whole(store: Store) -> None:
    """Shards are larger than one part of a multipart request."""
    data = bytes(range(251)) * 180_000
    store.put("large", data)
    assert store.read("large") == data
    with store.open("large") as file:
        assert b"".join(iter(lambda: file.read(1 << 20), b"")) == data


def a_pickled_store_is_the_same(store: Store) -> None:
    """Workers get the store with their part of the graph."""
    store.put("a", b"x")
    again = pickle.loads(pickle.dumps(store))  # noqa: S301 - made a moment ago
    assert (again.url, again.read("a")) == (store.url, b"x")


CONTRACT: list[Callable[[Store], None]] = [
    an_object_that_was_put_is_read_listed_and_replaced_whole,
    what_is_absent_is_not_found,
    an_identity_changes_with_the_object,
    create_refuses_a_name_that_is_taken,
    of_many_writers_exactly_one_creates,
    of_many_replacements_at_most_one_is_done,
    replace_takes_the_etag_of_what_is_there_and_no_other,
    a_revoked_replacement_is_never_done,
    a_revoked_first_version_is_never_done,
    what_was_revoked_before_it_existed_can_be_created,
    copies_outlive_their_source,
    folders_are_the_first_parts_and_are_removed_whole,
    names_stay_below_the_store,
    names_may_hold_any_letter,
    an_opened_object_is_read_at_any_place,
    a_large_object_is_whole,
    a_pickled_store_is_the_same,
]
