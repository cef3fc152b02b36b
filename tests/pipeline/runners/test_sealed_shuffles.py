"""With workers elsewhere, nothing that passes between steps can be read: engines store what they shuffle."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.commands.run import execute_packs
from pipeline.inputs.config import load_settings
from pipeline.runners import direct
from pipeline.runners.progress import Progress
from schemas.runners import DirectRunner
from tests.support.canary_plans import AFTER, EVERY_GRAPH, GRAPHS, KEY, VARIABLE
from tests.support.captured_shuffles import CapturingRunner
from tests.support.command import current
from tests.support.graph_layers import places_of
from transforms.shuffle.run_key import RunKey
from transforms.shuffle.spill import Spill

_AT = "2026-01-01T00:00:00Z"
NEEDLES = {
    "user": b"usr_quillfeather",
    "deleted user": b"usr_featherstone",
    "conversation": b"conv_hollingworth",
    "deleted conversation": b"conv_threlkeld",
    "conversation of a repeated history": b"conv_ormskirk",
    "session id": b"6c0ffee5-aaaa-4bbb-8ccc-d15ea5e0d15e",
    "organization": b"org_wexcombe",
    "text": b"marmalade for breakfast",
    "text that is quarantined": b"gooseberry fool",
    "folder of inputs": b"inputs-of-zebedee",
    "file of inputs": b"barnaby-talks",
    "folder of lists": b"lists-of-crispin",
    "folder of outputs": b"out-of-peregrine",
}
PATHS = {"folder of inputs", "file of inputs", "folder of lists", "folder of outputs"}


def _session(conversation: str, user: str) -> dict[str, Any]:
    said = [("user", "I like marmalade for breakfast"), ("assistant", "It is good on toast.")]
    return {
        "conversation_id": conversation,
        "user_id": user,
        "organization_id": "org_wexcombe",
        "tier": "pro",
        "surface": "chat",
        "created_at": _AT,
        "messages": [
            {"message_id": f"m{n}", "role": role, "sent_at": _AT, "content": text}
            for n, (role, text) in enumerate(said)
        ],
    }


def _history(turns: int, conversation: str) -> dict[str, Any]:
    said = [{"from": "human", "value": "marmalade for breakfast"}, {"from": "gpt", "value": "on toast"}]
    return {"id": conversation, "conversations": (said * 2)[:turns]}


def _line_of_code() -> dict[str, Any]:
    return {
        "type": "user",
        "uuid": "b",
        "parentUuid": None,
        "sessionId": NEEDLES["session id"].decode(),
        "timestamp": _AT,
        "origin": {"kind": "human"},
        "message": {"role": "user", "content": "marmalade for breakfast"},
    }


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of row: facts, histories, further ids, consent, deletions, quarantined records, text."""
    folder = tmp_path_factory.mktemp("canaries")
    inputs, lists = folder / "inputs-of-zebedee", folder / "lists-of-crispin"
    inputs.mkdir()
    lists.mkdir()
    talks = [_session(f"conv_hollingworth{n}", "usr_quillfeather") for n in range(60)]
    talks += [_session("conv_threlkeld", "usr_quillfeather"), _session("conv_a", "usr_featherstone")]
    written: dict[str, list[Any]] = {
        "barnaby-talks": [*talks, {"conversation_id": "conv_hollingworth", "messages": "gooseberry fool"}],
        "sharegpt-barnaby-talks": [_history(2, "conv_ormskirk1"), _history(4, "conv_ormskirk2")],
        "code-barnaby-talks": [_line_of_code()],
    }
    for name, records in written.items():
        (inputs / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))
    (lists / "consent.csv").write_text(
        f"user_id,state,decided_at,snapshot_at\nusr_quillfeather,granted,2025-12-01T00:00:00Z,{_AT}\n"
    )
    (lists / "deletions.csv").write_text(
        f"kind,id,deleted_at\nuser,usr_featherstone,{_AT}\nconversation,conv_threlkeld,{_AT}\n"
    )
    owner = {"user_id": "usr_quillfeather", "tier": "pro", "surface": "chat", "created_at": _AT}
    settings = {
        "inputs": [
            {"path": str(inputs / "barnaby*")},
            {"path": str(inputs / "sharegpt*"), "format": "sharegpt", "defaults": owner},
            {"path": str(inputs / "code*"), "format": "claude-code", "defaults": owner},
        ],
        "consent": {"snapshots": [str(lists / "consent.csv")]},
        "deletions": str(lists / "deletions.csv"),
        "policy": "consumer-terms-2025-09-28",
        "deid": "default",
        "as_of": "2026-01-02T00:00:00Z",
        "key": f"${{{VARIABLE}}}",
        "limits": {"max_quarantined_fraction": 1.0},
        "output": {"path": str(folder / "out"), "shards": 2},
        "runner": {"name": "direct", "workers": 1, "buckets": 3, "max_bucket_bytes": "4KiB"},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture
def captured(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., CapturingRunner]:
    """Runs a graph as one whose workers are elsewhere, and gives what passed between its steps."""
    monkeypatch.setenv(VARIABLE, KEY.hex())
    monkeypatch.setattr(DirectRunner, "has_local_workers", False)

    def run(kind: str) -> CapturingRunner:
        command, sample, policies = GRAPHS["run" if kind == AFTER else kind]
        settings = load_settings(config, {"output.on_exists": "new_version"}, policies)
        paths = [tmp_path / f"out-of-peregrine/{n}" for n in range(len(settings.packs))]
        if kind == AFTER:
            execute_packs(settings, command, paths, [], Progress(False))
            later = {"output.on_exists": "new_version", "as_of": "2026-01-02T00:00:01Z"}
            settings = load_settings(config, later, policies)
        runner = CapturingRunner()
        monkeypatch.setattr(direct, "FnApiRunner", lambda **_: runner)
        execute_packs(settings, command, paths, [], Progress(False), sample, checked_share=0.5)
        counts = json.loads((current(paths[0]) / "manifest.json").read_bytes())["counts"]
        assert counts["sessions"] > 60, counts
        return runner

    return run


def _found(runner: CapturingRunner) -> set[str]:
    return {
        f"{needle}: {stage}"
        for stage, data in runner.captured.items()
        for needle in places_of(NEEDLES, b"".join(data))
    }


@pytest.mark.parametrize("kind", EVERY_GRAPH)
def test_nothing_that_passes_between_steps_names_anyone(
    captured: Callable[..., CapturingRunner], kind: str
) -> None:
    """Each step's input is captured, also where an engine would fuse: no engine sees more."""
    runner = captured(kind)
    assert _found(runner) == set()
    assert len(runner.captured) > 40


def test_names_of_files_are_found_without_the_spill(
    captured: Callable[..., CapturingRunner], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above must fail for blobs that are not sealed."""
    monkeypatch.setattr(Spill, "put", lambda _, blob: blob)
    monkeypatch.setattr(Spill, "get", lambda _, blob: blob)
    found = _found(captured("run"))
    assert {each.split(":")[0] for each in found} >= {
        "folder of inputs",
        "file of inputs",
        "folder of outputs",
    }
    assert len({each.split(":")[1] for each in found}) > 5, found


def test_names_of_files_are_found_in_units_that_are_not_sealed(
    captured: Callable[..., CapturingRunner], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Likewise for what is sealed apart from the spill: paths before they are read, and units."""
    monkeypatch.setattr(RunKey, "seal", lambda _, value: pickle.dumps(value, 5))
    monkeypatch.setattr(RunKey, "open", lambda _, data: pickle.loads(data))  # noqa: S301
    found = {each.split(":")[0] for each in _found(captured("run"))}
    assert found >= {"folder of inputs", "file of inputs", "folder of lists"}


def test_every_canary_is_in_the_inputs(config: Path) -> None:
    """A canary that nothing has is found nowhere."""
    files = [path for path in config.parent.glob("*/*") if path.is_file() and "of-" in path.parent.name]
    data = b"".join(str(path).encode() + path.read_bytes() for path in files)
    assert places_of(NEEDLES, data) == set(NEEDLES) - {"folder of outputs"}
