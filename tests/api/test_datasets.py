"""`open_dataset` gives the rows of a version in each form, in order, and as they are on disk."""

from __future__ import annotations

import concurrent.futures
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import chatsieve
from schemas.tables import LEDGER, TRAINING
from tests.support.command import Corpus, current
from tests.support.command import chatsieve as command
from tests.support.memory_bucket import URL, memory_bucket


def read(folder: Path) -> pa.Table:
    return pa.concat_tables(pq.read_table(file) for file in sorted(folder.glob("*.parquet")))


def test_the_rows_are_those_of_the_files(by_command: Path) -> None:
    """All of them, in the order of the shards, with the schema of the data model."""
    dataset = chatsieve.open_dataset(by_command)
    expected = read(current(by_command) / "data")
    assert dataset.to_arrow().to_pylist() == expected.to_pylist()
    assert dataset.to_arrow().schema.equals(TRAINING)
    assert (len(dataset), dataset.columns) == (expected.num_rows, TRAINING.names)
    assert dataset.schema.equals(TRAINING)
    assert [Path(file).name for file in dataset.files] == [
        f"train-{n:05d}-of-00004.parquet" for n in range(4)
    ]
    assert dataset.ledger.to_arrow().to_pylist() == read(current(by_command) / "ledger").to_pylist()
    assert dataset.ledger.schema.equals(LEDGER)


def test_columns_come_in_the_order_that_was_asked_for(by_command: Path) -> None:
    """Text columns are large: a reader of two small ones must not wait for them."""
    dataset, names = chatsieve.open_dataset(by_command), ["turns", "conversation_key"]
    assert dataset.to_arrow(names).column_names == names
    assert dataset.to_polars(names).columns == names
    assert list(dataset.to_pandas(names).columns) == names
    expected = dataset.to_arrow(names).to_pylist()
    assert dataset.to_polars(names).to_dicts() == expected
    assert dataset.to_pandas(names).to_dict("records") == expected
    with pytest.raises(chatsieve.ConfigError, match=r"no column 'text'; it has conversation_key, "):
        dataset.to_arrow(["text"])


def test_batches_stream_all_rows(by_command: Path) -> None:
    """A dataset may be larger than memory."""
    dataset = chatsieve.open_dataset(by_command)
    batches = list(dataset.batches(["conversation_key"], rows=3))
    assert max(batch.num_rows for batch in batches) == 3
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert rows == dataset.to_arrow(["conversation_key"]).to_pylist()
    with pytest.raises(chatsieve.ConfigError, match="rows: expected 1 or more"):
        dataset.batches(rows=0)


def test_a_version_is_named_by_its_number_and_stays_the_same(
    by_command: Path, logs: Corpus, tmp_path: Path
) -> None:
    """A run that commits while a notebook reads must not mix two versions."""
    shutil.copytree(by_command, tmp_path / "data", symlinks=True)
    before = chatsieve.open_dataset(tmp_path / "data")
    settings = ("output.on_exists=new_version", "output.shards=1", "runner.workers=1")
    more = [argument for setting in settings for argument in ("--set", setting)]
    done = command("run", "-c", logs.config, "--output", tmp_path / "data", *more)
    assert done.returncode == 0, done.stderr
    after, first = (chatsieve.open_dataset(f"{tmp_path / 'data'}@{number}") for number in (2, 1))
    assert (before.name, before.version) == (first.name, 1) == (f"{tmp_path / 'data'}@1", 1)
    assert (after.name, after.version, len(after.files)) == (f"{tmp_path / 'data'}@2", 2, 1)
    assert chatsieve.open_dataset(tmp_path / "data").folder == after.folder
    assert before.to_arrow().equals(chatsieve.open_dataset(by_command).to_arrow())


def test_an_open_dataset_gives_no_rows_of_an_erased_version(
    by_command: Path, logs: Corpus, tmp_path: Path
) -> None:
    """An erasure replaces the folder of every version: whoever goes on reading must open it again."""
    shutil.copytree(by_command, tmp_path / "data", symlinks=True)
    before = chatsieve.open_dataset(tmp_path / "data")
    gone = next(each["conversation_id"] for each in logs.truth() if each["decision"] == "eligible")
    key = ("--key-file", logs.path / "chatsieve.key")
    done = command("forget", tmp_path / "data", "--conversation", gone, *key)
    assert done.returncode == 0, done.stderr
    after = chatsieve.open_dataset(tmp_path / "data")
    assert 0 < len(after) < len(before)
    assert logs.key_of(gone) not in after.to_arrow(["conversation_key"])["conversation_key"].to_pylist()
    with pytest.raises(chatsieve.InputError, match="missing or damaged"):
        before.to_arrow()


def test_a_dataset_in_a_bucket_opens_by_its_url(by_command: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trainer has a URL, and no copy."""
    bucket = memory_bucket(monkeypatch)
    for file in (path for path in by_command.rglob("*") if path.is_file() and "latest" not in path.parts):
        bucket.put(f"demo/{file.relative_to(by_command)}", file.read_bytes())
    dataset = chatsieve.open_dataset(f"{URL}/demo@1")
    assert dataset.to_arrow().equals(chatsieve.open_dataset(by_command).to_arrow())
    assert dataset.files[0].startswith(f"{URL}/demo/v0001-")


@pytest.mark.parametrize(
    ("where", "message"),
    [("nothing", "no CURRENT"), ("{}@7", "has no version 7; it holds 1"), ("{}@x", "expected the number")],
)
def test_what_is_no_version_is_refused(by_command: Path, where: str, message: str) -> None:
    """One line that names the folder."""
    with pytest.raises(chatsieve.InputError, match=message) as caught:
        chatsieve.open_dataset(where.format(by_command))
    assert caught.value.exit_code == 2


def test_a_damaged_file_is_named(by_command: Path, tmp_path: Path) -> None:
    """Without the message of a library, which may quote bytes of the file."""
    shutil.copytree(by_command, tmp_path / "data", symlinks=True)
    file = Path(chatsieve.open_dataset(tmp_path / "data").files[1])
    file.write_bytes(b"CANARY" * 100)
    with pytest.raises(chatsieve.InputError) as caught:
        chatsieve.open_dataset(tmp_path / "data").to_arrow()
    assert str(caught.value) == f"{file}: missing or damaged; `chatsieve verify` gives details"


def test_threads_read_at_once(by_command: Path) -> None:
    """A dataset holds no open file."""
    dataset = chatsieve.open_dataset(by_command)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        tables = list(pool.map(lambda _: dataset.to_arrow(), range(8)))
    assert all(table.equals(tables[0]) for table in tables)


def test_without_polars_the_error_names_it(by_command: Path) -> None:
    """chatsieve does not install it."""
    code = (
        "import sys, chatsieve; sys.modules['polars'] = None; dataset = chatsieve.open_dataset(sys.argv[1])\n"
        "try: dataset.to_polars()\nexcept chatsieve.ConfigError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, by_command], capture_output=True, text=True, check=False
    )
    expected = "to_polars needs the package polars; install it, or use to_arrow\n"
    assert (done.stdout, done.stderr) == (expected, "")
