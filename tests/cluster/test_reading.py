"""Commands that read logs in buckets: what they give, what they move, and how they end where they cannot."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.inputs.globs import files_at, input_files
from tests.cluster.buckets import Server
from tests.cluster.proxy import Proxy, proxy_of
from tests.support.command import TWO_WORKERS, Corpus, chatsieve, table_of
from tests.support.logs_of_formats import in_blocks, lines, sessions
from tests.support.parquet_rows import parquet
from tests.support.source_files import read_all
from transforms.storage.objects import bucket
from transforms.storage.places import store_of

pytestmark = pytest.mark.cluster
ENDPOINTS = ("AWS_ENDPOINT_URL", "STORAGE_EMULATOR_HOST")
#: Names that a URL, a shell or a glob would read as something else.
NAMES = ["a b.jsonl", "50%20off#1?x=1&y.jsonl", "über/日本+.jsonl", "[1]/{x}~'.jsonl", "a/b/c/=.jsonl"]
#: Puts other bytes into the bucket when the text pass begins; the check at commit is off if it is empty.
HOOK = """
import os
import pipeline.inputs.watched
import transforms.deid.kept_text as kept_text
from transforms.storage.places import store_of

whole = kept_text.read_kept

def after_a_change(*given):
    try:
        os.close(os.open(os.environ["CHANGE_ONCE"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        pass
    else:
        folder, _, name = os.environ["CHANGE_URL"].rpartition("/")
        with open(os.environ["CHANGE_TO"], "rb") as other:
            store_of(folder).put(name, other.read())
    yield from whole(*given)

kept_text.read_kept = after_a_change
if os.environ["CHECK_AT_COMMIT"] == "":
    pipeline.inputs.watched.check_unchanged = lambda files: None
"""


@pytest.fixture
def proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy in front of the server, which counts."""
    with proxy_of(server.endpoint) as found:
        for name in ENDPOINTS:
            monkeypatch.setenv(name, found.url)
        bucket.client_of.cache_clear()
        yield found


def uploaded(corpus: Corpus, place: str) -> None:
    """Puts logs, consent and lists of the corpus below a prefix."""
    store = store_of(place)
    for path in sorted(corpus.path.rglob("*")):
        name = path.relative_to(corpus.path).as_posix()
        if path.is_file() and name.startswith(("logs/", "consent/", "deletions", "authorizations")):
            store.put(name, path.read_bytes())


def configured(corpus: Corpus, place: str, folder: Path, **changes: Any) -> Path:
    """A configuration of the corpus that reads from below the prefix."""
    config = yaml.safe_load(corpus.config.read_text())
    config["inputs"][0]["path"] = f"{place}/{config['inputs'][0]['path']}"
    config["consent"]["snapshots"] = [f"{place}/{each}" for each in config["consent"]["snapshots"]]
    for name in ("authorizations", "deletions"):
        config[name] = f"{place}/{config[name]}"
    for name in ("policy", "deid", "key_file"):
        config[name] = str(corpus.path / config[name])
    made = folder / "config.yaml"
    made.write_text(yaml.safe_dump(config | changes))
    return made


def test_commands_take_urls(corpus: Corpus, place: str, tmp_path: Path) -> None:
    """inspect, convert, explain and forget read from a bucket what they read from disk."""
    uploaded(corpus, place)
    here, there = f"{corpus.path}/logs", f"{place}/logs"
    seen = [chatsieve("inspect", where, "--json").stdout for where in (here, f"{there}/")]
    given = [json.loads(each.replace(there, here)) for each in seen]
    assert {**given[1], "path": here} == given[0]
    assert given[0]["formats"][0]["sessions"] > 100
    for where, name in ((here, "here"), (there, "there")):
        done = chatsieve("convert", f"{where}/*.gz", "--output", tmp_path / f"{name}.parquet")
        assert "227 session records" in done.stderr
    assert (tmp_path / "there.parquet").read_bytes() == (tmp_path / "here.parquet").read_bytes()
    config = configured(corpus, place, tmp_path)
    wanted = next(row["conversation_id"] for row in corpus.truth() if row["reason"] == "opted_out")
    told = [chatsieve("explain", wanted, "-c", each, "--json") for each in (corpus.config, config)]
    assert told[0].returncode == 0, told[0].stderr
    assert json.loads(told[1].stdout) == json.loads(told[0].stdout)


def test_names_are_taken_as_they_are(place: str) -> None:
    """A name with any character is listed, matched by a glob, and read."""
    store = store_of(place)
    for number, name in enumerate(NAMES):
        store.put(f"logs/{name}", lines(sessions(3, user=f"u{number}")))
    store.put("logs-2/a.jsonl", b"")
    files = files_at(f"{place}/logs")
    assert sorted(file.path.removeprefix(f"{place}/logs/") for file in files) == sorted(NAMES)
    assert input_files(f"{place}/logs/**/*.jsonl", "canonical") == files
    for file in files:
        assert input_files(file.path, "canonical") == [file]
    found = read_all(files)
    assert (len(found.sessions), found.quarantined) == (15, [])


def test_an_audit_moves_the_columns_that_decide(
    corpus: Corpus, place: str, proxy: Proxy, tmp_path: Path
) -> None:
    """Texts are nine tenths of a file and stay in the bucket, also when the manifest's digest is made."""
    rng = random.Random(7)
    made = sessions(4000)
    for one in made:
        one["messages"][0]["content"] = f"x{rng.randbytes(700).hex()}"
    path = parquet(tmp_path / "big.parquet", in_blocks(made), row_group_size=400)
    store_of(place).put("big.parquet", path.read_bytes())
    config = yaml.safe_load(corpus.config.read_text())
    given = json.dumps([{**config["inputs"][0], "path": f"{place}/big.parquet"}])
    proxy.begin(lambda _number, _method: None)
    done = chatsieve("audit", "-c", corpus.config, "--output", tmp_path / "out", "--set", f"inputs={given}")
    assert done.returncode == 0, done.stderr
    assert len(table_of(tmp_path / "out", "ledger")) == 4000
    assert 0 < proxy.moved < path.stat().st_size / 10
    assert len(proxy.requests) < 150


@pytest.mark.parametrize("check", ["", "on"], ids=["by the reader", "at commit"])
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_an_object_that_changes_in_mid_run_is_not_published(
    corpus: Corpus, place: str, tmp_path: Path, form: str, check: str
) -> None:
    """One error line, exit 3, nothing committed: as for a file on disk."""
    user = next(row["user_id"] for row in corpus.truth() if row["reason"] == "eligible" and row["user_id"])
    for name, words in (("before", "apple "), ("after", "quince ")):
        made = sessions(20, user, words)
        path = tmp_path / f"{name}.{form}"
        path.write_bytes(lines(made)) if form == "jsonl" else parquet(path, in_blocks(made))
    store_of(place).put(f"logs.{form}", (tmp_path / f"before.{form}").read_bytes())
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(HOOK)
    given = [{"path": f"{place}/logs.{form}", "defaults": {"tier": "free", "surface": "chat"}}]
    done = chatsieve(
        *("run", "-c", corpus.config, "--output", tmp_path / "out", "--quiet"),
        *("--set", f"inputs={json.dumps(given)}", *(TWO_WORKERS if form == "jsonl" else ())),
        fresh=True,
        PYTHONPATH=str(tmp_path / "site"),
        CHANGE_ONCE=str(tmp_path / "changed"),
        CHANGE_URL=f"{place}/logs.{form}",
        CHANGE_TO=str(tmp_path / f"after.{form}"),
        CHECK_AT_COMMIT=check,
    )
    assert (tmp_path / "changed").exists(), done.stderr
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("\n") == 1
    assert "changed while it was read; nothing was committed; run again" in done.stderr
    assert not (tmp_path / "out/CURRENT").exists()


def refused(done: Any, code: int, *parts: str) -> None:
    """The command ended with this code and one line that has these parts."""
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    for part in parts:
        assert part in done.stderr
    assert "Signature" not in done.stderr
    assert "127.0.0.1" not in done.stderr


def test_what_cannot_be_read_ends_in_one_line(corpus: Corpus, place: str, tmp_path: Path) -> None:
    """Each kind of failure, for logs and for lists: exit 2 with the place and what to do."""
    uploaded(corpus, place)
    config = configured(corpus, place, tmp_path)
    out = ("--output", tmp_path / "out", "--quiet")
    scheme = place.split(":", 1)[0]
    missing = f"{scheme}://chatsieve-missing/logs"
    audit = ("audit", "-c", config, *out)
    refused(chatsieve(*audit, "--input", f"{missing}/*.gz"), 2, missing, "the bucket does not exist")
    refused(chatsieve(*audit, "--input", f"{place}/no/*.gz"), 2, f"{place}/no/*.gz: no such input")
    refused(chatsieve(*audit, "--consent", f"{place}/no.csv"), 2, "no consent snapshot found")
    refused(chatsieve(*audit, "--set", f"deletions={place}/no.csv"), 2, f"{place}/no.csv", "no such file")
    refused(chatsieve(*audit, "--set", f"policy={place}/no.yaml"), 2, f"{place}/no.yaml", "cannot be read")
    refused(chatsieve(*audit, "--set", f"key_file={place}/key"), 2, "no key is read from a bucket")
    refused(chatsieve("audit", "-c", f"{place}/config.yaml"), 2, "the run configuration is a local file")
    refused(chatsieve("inspect", f"{missing}/a.jsonl"), 2, "the bucket does not exist")
    if scheme == "s3":
        denied = {"AWS_SECRET_ACCESS_KEY": "wrong"}
        refused(chatsieve(*audit, **denied), 2, "the store denied access")
        refused(chatsieve("inspect", f"{place}/logs", **denied), 2, "the store denied access")
    assert not (tmp_path / "out").exists()


def test_a_store_that_breaks_down_in_mid_run_ends_it(
    corpus: Corpus, place: str, proxy: Proxy, tmp_path: Path
) -> None:
    """From some request on nothing is answered but errors: exit 3, and no log counts as damaged."""
    uploaded(corpus, place)
    config = configured(corpus, place, tmp_path)
    audit = ("audit", "-c", config, "--output", tmp_path / "out", "--quiet")
    proxy.begin(lambda _number, _method: None)
    whole = chatsieve(*audit)
    assert whole.returncode == 0, whole.stderr
    last = len(proxy.requests) - 2
    proxy.begin(lambda number, _method: 403 if number >= last else None)
    refused(chatsieve(*audit[:-2], tmp_path / "again", "--quiet"), 3, "denied access")
    assert not (tmp_path / "again/CURRENT").exists()
