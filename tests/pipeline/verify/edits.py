"""What a forger does to a finished dataset: edits of its files, with digests that fit again."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.forging import Dataset, Rows


class Forgery(NamedTuple):
    """What is done, and the class that catches it. `aged`: to a dataset of two versions and two erasures."""

    id: str
    kind: str
    forge: Callable[[Dataset], Any]
    aged: bool = False


SHARD, LEDGER, SESSIONS, INDEX = "data/", "ledger/", "restricted/sessions-", "restricted/index-"
DAY = dt.timedelta(days=1)


def manifest(change: Callable[[dict[str, Any]], Any]) -> Callable[[Dataset], Any]:
    return lambda d: d.set_manifest(change)


def current(change: Callable[[dict[str, Any]], Any]) -> Callable[[Dataset], Any]:
    return lambda d: d.set_current(change)


def rows(start: str, change: Callable[[Rows], Any]) -> Callable[[Dataset], Any]:
    return lambda d: d.set_rows(d.part(start), change)


def report(change: Callable[[dict[str, Any]], Any]) -> Callable[[Dataset], Any]:
    return lambda d: d.set_report(change)


def row(
    start: str, where: Callable[[dict[str, Any]], bool] = bool, **values: Any
) -> Callable[[Dataset], Any]:
    """Sets values of the first row of which `where` is true and that has other values.

    The key of the corpus is new in each session of tests, and the order of rows follows from it.
    """

    def is_other(one: dict[str, Any]) -> bool:
        return where(one) and any(one[name] != value for name, value in values.items())

    return rows(start, lambda found: next(filter(is_other, found)).update(values))


def raw(name: str, data: bytes, mode: int = 0o640) -> Callable[[Dataset], Any]:
    return lambda d: d.put_in(name, data, mode)


def reason(word: str) -> Callable[[dict[str, Any]], bool]:
    return lambda one: one["reason"] == word


def by_consent(one: dict[str, Any]) -> bool:
    """Whether the session is eligible, and not by an authorisation, which any tier can have."""
    return bool(one["basis"] == "user_consent")


def chmod(name: str, mode: int) -> Callable[[Dataset], Any]:
    def forge(d: Dataset) -> None:
        path = d.folder / name
        if path.is_file():
            d.put_in(name, path.read_bytes(), mode)
        else:
            path.chmod(mode)

    return forge


def symlinked(d: Dataset) -> None:
    path = d.folder / d.part(SHARD)
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def message(change: Callable[[dict[str, Any]], Any]) -> Callable[[Dataset], Any]:
    return rows(SHARD, lambda found: change(found[0]["messages"][0]))


def refused_becomes_eligible(d: Dataset) -> None:
    """The row of a refused session is made eligible in the ledger, and the manifest counts it so."""
    d.set_rows(
        d.part(LEDGER),
        lambda found: next(one for one in found if reason("opted_out")(one)).update(
            decision="eligible", reason="eligible", clause="scope", basis="user_consent", messages_kept=2
        ),
    )

    def count(tree: dict[str, Any]) -> None:
        for name, of, by in (("reasons", "opted_out", -1), ("reasons", "eligible", 1)):
            tree["counts"][name][of] += by
        tree["counts"]["decisions"]["excluded"] -= 1
        tree["counts"]["decisions"]["eligible"] += 1
        tree["counts"]["messages_kept"] += 2
        tree["counts"]["training_rows"] += 1

    d.set_manifest(count)


def dropped_row(d: Dataset) -> None:
    """A training row is removed, with its index, and all counts follow."""
    for start in (SHARD, INDEX):
        d.set_rows(d.part(start), lambda found: found[:-1])
    d.set_manifest(lambda tree: tree["counts"].update(training_rows=tree["counts"]["training_rows"] - 1))
    d.set_current(lambda tree: tree["versions"][0].update(rows=tree["versions"][0]["rows"] - 1))


def moved_row(d: Dataset) -> None:
    """A training row is moved to another shard, with its index."""
    taken = d.rows(d.part(SHARD))[-1]
    d.set_rows(d.part(SHARD), lambda found: found[:-1])
    d.set_rows(d.part(SHARD, 1), lambda found: [taken, *found])


def file_removed(d: Dataset) -> None:
    """A shard is removed, and the manifest does not list it."""
    name = d.part(SHARD)
    (d.folder / name).unlink()
    d.set_manifest(lambda tree: tree.update(files=[f for f in tree["files"] if f["path"] != name]))


def other_schema(d: Dataset) -> None:
    name = d.part(SHARD)
    (d.folder / name).unlink()
    pq.write_table(pa.table({"x": [1]}), d.folder / name)
    d.put_listed(name, (d.folder / name).read_bytes(), 1)


def rewritten(change: Callable[[pa.Table], pa.Table], **options: Any) -> Callable[[Dataset], Any]:
    """A shard written again by another program."""

    def forge(d: Dataset) -> None:
        name = d.part(SHARD)
        table = change(pq.read_table(d.folder / name))
        (d.folder / name).unlink()
        pq.write_table(table, d.folder / name, **options)
        d.put_listed(name, (d.folder / name).read_bytes(), table.num_rows)

    return forge


def quarantine(change: Callable[[dict[str, Any]], Any]) -> Callable[[Dataset], Any]:
    def forge(d: Dataset) -> None:
        name = d.part("quarantine/")
        tree = json.loads((d.folder / name).read_bytes().splitlines()[0])
        change(tree)
        d.put_listed(name, json.dumps(tree, separators=(",", ":")).encode() + b"\n")

    return forge


def second_quarantine_line(d: Dataset) -> None:
    name = d.part("quarantine/")
    d.put_listed(name, (d.folder / name).read_bytes() * 2, 2)


def erasure(part: str, change: Callable[[bytes], bytes]) -> Callable[[Dataset], Any]:
    def forge(d: Dataset) -> None:
        name = f"erasures/{d.current['erased'][0]}.{part}"
        d.put(name, change((d.root / name).read_bytes()))

    return forge


def certificate(change: Callable[[dict[str, Any]], Any]) -> Callable[[Dataset], Any]:
    def edit(data: bytes) -> bytes:
        tree = json.loads(data)
        change(tree)
        return json.dumps(tree, indent=2).encode() + b"\n"

    return erasure("json", edit)


def swapped(name: str) -> Callable[[Dataset], Any]:
    """Values of a column change places between two rows that differ in it."""

    def change(found: Rows) -> None:
        one = found[0]
        other = next(each for each in found if each[name] != one[name])
        one[name], other[name] = other[name], one[name]

    return rows(SHARD, change)


def latest(target: str) -> Callable[[Dataset], Any]:
    def forge(d: Dataset) -> None:
        (d.root / "latest").unlink()
        (d.root / "latest").symlink_to(target)

    return forge


def tombstone(column: str, kind: str) -> Callable[[Dataset], Any]:
    """An erasure lists a key that is in the dataset still."""

    def forge(d: Dataset) -> None:
        name = f"erasures/{d.current['erased'][0]}"
        key = next(one for one in d.rows(d.part(SHARD)) if one[column])[column]
        lines = sorted([*(d.root / f"{name}.keys").read_bytes().splitlines(), f"{kind} {key}".encode()])
        data = b"".join(line + b"\n" for line in lines)
        d.put(f"{name}.keys", data)
        tree = json.loads((d.root / f"{name}.json").read_bytes())
        tree["asked"][f"{kind}s"] += 1
        tree["keys_sha256"] = hashlib.sha256(data).hexdigest()
        d.put(f"{name}.json", json.dumps(tree, indent=2).encode() + b"\n")

    return forge


def other_text(d: Dataset) -> None:
    """A text is replaced, and the report has the new size of its shard."""
    d.set_rows(d.part(SHARD), lambda found: found[0]["messages"][0].update(content="All is well."))
    files = [file for file in d.manifest["files"] if file["path"].startswith(SHARD)]
    sizes = sorted(file["bytes"] for file in files)

    def resize(tree: dict[str, Any]) -> None:
        tree["shards"]["files"][0]["bytes"] = files[0]["bytes"]
        tree["shards"]["bytes"] = {"min": sizes[0], "median": statistics.median(sizes), "max": sizes[-1]}

    d.set_report(resize)


def not_the_parent(tree: dict[str, Any]) -> None:
    tree["parent"]["version"] = 7


def without(name: str) -> Callable[[Dataset], Any]:
    return lambda d: (d.folder / name).unlink()
