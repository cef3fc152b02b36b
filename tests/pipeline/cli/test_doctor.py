"""`chatsieve doctor`: exit codes, JSON, privacy, and agreement with what a run refuses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.commands.doctor.examine import CHECKS
from pipeline.commands.doctor.settings import load
from tests.support.command import chatsieve
from tests.support.examined import Examined

NAMES = [each.name for each in CHECKS]


@pytest.fixture
def world(tmp_path: Path) -> Examined:
    """A configuration without faults."""
    return Examined(tmp_path / "world")


def doctor(world: Examined, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The answer of the command."""
    return chatsieve("doctor", "-c", world.config, *arguments)


def state_of(folder: Path) -> list[tuple[str, int]]:
    """All files and folders below a folder with their times of change."""
    return sorted((str(path), path.stat().st_mtime_ns) for path in [folder, *folder.rglob("*")])


def test_a_configuration_without_faults_passes_and_nothing_is_changed(world: Examined) -> None:
    """It runs before every run, so it must leave no folder, key or test object."""
    before = state_of(world.folder)
    done = doctor(world, "--json")
    assert (done.returncode, state_of(world.folder)[1:]) == (0, before[1:])
    document = json.loads(done.stdout)
    assert (document["ok"], document["checked"]) == (True, ["configuration", *NAMES])
    assert all(each["level"] == "warning" for each in document["findings"])
    assert "the content of the logs: `chatsieve audit` reads it" in document["not_checked"]


def _missing_input(world: Examined) -> None:
    world.save(inputs=[{"path": "gone/*.jsonl"}])


def _no_marker(world: Examined) -> None:
    world.save(inputs=[{"path": "logs/*.jsonl", "ready": {"marker": "logs/_DONE"}}])


def _both(world: Examined) -> None:
    world.save(inputs=[{"path": "gone/*.jsonl"}, {"path": "logs/*.jsonl", "ready": {"marker": "logs/_DONE"}}])


def _open_key(world: Examined) -> None:
    world.key.chmod(0o644)


@pytest.mark.parametrize(
    ("change", "code", "levels"),
    [
        (_missing_input, 2, {"fault"}),
        (_no_marker, 4, {"later"}),
        (_both, 2, {"fault", "later"}),
        (_open_key, 0, {"warning"}),
    ],
)
def test_the_exit_code_is_that_of_the_worst_finding(
    world: Examined, change: Callable[[Examined], None], code: int, levels: set[str]
) -> None:
    """A scheduler tells a configuration to correct from a day that is not there yet."""
    change(world)
    done = doctor(world, "--set", "runner.workers=1", "--quiet")
    found = {line.split(": ")[1] for line in done.stderr.splitlines()}
    assert (done.returncode, found - {"warning"}) == (code, levels - {"warning"})
    assert levels <= found


@pytest.mark.parametrize("change", [{"key_file": "a\0b"}, {"output": {"path": "out/a\0b"}}])
def test_a_nul_character_in_a_path_is_a_fault_with_a_cure(change: dict[str, object], world: Examined) -> None:
    """Not an internal error."""
    world.save(**change)
    done = doctor(world)
    assert done.returncode == 2, done.stderr
    assert "has a NUL character, which no path can have; correct it" in done.stderr
    assert "Error" not in done.stderr


def test_an_output_of_another_kind_is_a_fault_with_a_cure(world: Examined) -> None:
    """Several checks need the path; it is told once."""
    world.save(output={"path": "https://host/out"})
    done = doctor(world, "--quiet")
    faults = [line for line in done.stderr.splitlines() if ": fault: " in line]
    assert (done.returncode, len(faults)) == (2, 1), done.stderr
    assert "https:// paths are not supported; give a local path, s3:// or gs://" in faults[0]


def test_faults_of_configuration_key_inputs_and_output_are_told_at_once(world: Examined) -> None:
    """Each correction that shows the next fault costs a user a round."""
    world.save(
        inputs=[{"path": "gone/*.jsonl"}],
        policy="gone-policy",
        deid="gone-deid",
        key_file="gone.key",
        deletions="gone.csv",
        output={"path": "agreed.csv"},
    )
    done = doctor(world)
    assert done.returncode == 2
    for what in ("gone-policy", "gone-deid", "gone.key", "gone/*.jsonl", "gone.csv", "agreed.csv: "):
        assert [line for line in done.stderr.splitlines() if "fault: " in line and what in line], what
    assert "not checked: consent: the policy of the configuration cannot be used" in done.stderr
    assert "not checked: masking: the deid of the configuration cannot be used" in done.stderr


def test_a_configuration_that_cannot_be_read_is_told_with_all_its_faults(world: Examined) -> None:
    """Without inputs or an output there is nothing else to check, and the answer says so."""
    world.save(inputs=None, output={"pth": "out"})
    done = doctor(world)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("chatsieve: fault: configuration")]
    assert [any(what in line for line in lines) for what in (": inputs: ", ": output.pth: ")] == [True, True]
    assert "correct the configuration first" in done.stderr
    assert chatsieve("doctor", "-c", world.folder / "no.yaml").returncode == 2


def test_a_key_that_the_first_run_makes_is_not_made(world: Examined) -> None:
    """`create_key` is for samples; doctor leaves no key, and what needs one is not checked."""
    world.save(create_key=True)
    world.key.unlink()
    found = load(world.config, {})
    assert (found.error, found.missing, found.creates_key) == (None, {"key"}, True)
    assert found.settings is not None
    assert not world.key.exists()
    done = doctor(world)
    assert (done.returncode, world.key.exists()) == (0, False)
    assert "not checked: key: the first run makes the key" in done.stderr


def test_options_replace_what_the_configuration_has(world: Examined) -> None:
    """What is checked must be what the run with the same options does."""
    fine = doctor(world, "--output", str(world.folder / "agreed.csv"), "--quiet")
    assert (fine.returncode, "agreed.csv" in fine.stderr) == (2, True)
    late = doctor(world, "--as-of", "2026-06-01T00:00:00Z", "--quiet")
    assert (late.returncode, "consent.snapshots: stale" in late.stderr) == (2, True)


CANARY = "xanthippe-canary"


def test_no_id_and_no_text_is_in_the_answer(world: Examined) -> None:
    """Files with faults are where errors quote their values; the answer goes to logs of schedulers."""
    world.write(
        "logs/bad.jsonl", f'{{"conversation_id": "{CANARY}", "user_id": "{CANARY}", "messages": 5}}\n'
    )
    world.write("agreed.csv", f"user_id,state,decided_at,snapshot_at\n{CANARY},{CANARY},{CANARY},{CANARY}\n")
    world.write("gone.csv", f"kind,id,deleted_at\n{CANARY},{CANARY},{CANARY}\n")
    world.write(
        "terms.csv",
        f"organization_id,surface,valid_from,valid_to,reference\n{CANARY},{CANARY},x,x,{CANARY}\n",
    )
    world.write("users.csv", f"path,user_id\n{CANARY},\n")
    inputs = [{"path": "logs/*.jsonl", "mapping": "users.csv"}]
    world.save(deletions="gone.csv", authorizations="terms.csv", inputs=inputs)
    done = doctor(world, "--json")
    assert done.returncode == 2
    assert {"consent", "deletions", "authorizations"} <= {
        each["check"] for each in json.loads(done.stdout)["findings"]
    }
    assert CANARY not in done.stdout + done.stderr


@pytest.mark.faults
@pytest.mark.parametrize(
    "change",
    [
        _missing_input,
        _no_marker,
        _both,
        lambda world: world.save(policy="gone-policy", deid="gone-deid"),
        lambda world: world.save(key_file="gone.key"),
        lambda world: world.save(consent={"snapshots": ["gone/*.csv"]}, deletions="gone.csv"),
        lambda world: world.save(as_of="2026-06-01T00:00:00Z"),
        lambda world: world.save(output={"path": "logs"}),
        lambda world: world.save(runner={"name": "prism", "program": "gone/prism"}),
        lambda world: world.save(authorizations="agreed.csv", deletions="agreed.csv"),
        lambda world: world.save(output={"path": "s3://x"}, runner={"name": "direct", "wrkers": 1}),
    ],
)
def test_doctor_finds_what_a_run_refuses(world: Examined, change: Callable[[Examined], None]) -> None:
    """Every line of the run's error is among the findings, with the same exit code."""
    change(world)
    run = chatsieve("run", "-c", world.config, "--quiet")
    done = doctor(world, "--quiet")
    assert run.returncode in (2, 4), run.stderr
    assert done.returncode == (2 if change is _both else run.returncode), done.stderr
    for line in run.stderr.splitlines():
        said = line.removeprefix("chatsieve: ")
        if said.startswith("not ready at "):
            said = said.partition(": ")[2].partition(";")[0]
        assert said in done.stderr, (said, done.stderr)
