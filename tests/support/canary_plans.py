"""Plans of runs whose inputs, ids and paths are canaries: what must not be readable in a graph."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import pytest
import yaml
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.commands import run
from pipeline.inputs.config import load_settings
from pipeline.plan import RunPlan
from pipeline.runners.build import build_pipeline
from pipeline.runners.progress import Progress
from schemas.errors import PipelineError
from schemas.keys import KeyedHasher
from schemas.state import ROW_STATE_PREFIX
from transforms.consent.snapshots import ErasedKeys
from transforms.decide.known_rows import Checked
from transforms.reuse.known import KnownRows, KnownShard

KEY = bytes.fromhex("5ec7e75ec7e7c0de" * 4)
VARIABLE = "CHATSIEVE_CANARY_KEY"
#: By what it is: ids and words that occur in the configuration and in the lists, which the driver reads.
CANARIES = {
    "user in defaults": b"usr_quillfeather",
    "user of a path": b"usr_marchbanks",
    "user of the mapping": b"usr_thistlewood",
    "account of the mapping": b"acct_penhaligon",
    "organization in defaults": b"org_wexcombe",
    "organization authorized": b"org_abernathy",
    "user of consent": b"usr_ravenscroft",
    "user of the consent system": b"usr_lockwood",
    "deleted user": b"usr_featherstone",
    "deleted conversation": b"conv_hollingworth",
    "folder of inputs": b"inputs-of-zebedee",
    "file of inputs": b"barnaby-talks",
    "glob of a path": b"ottoline",
    "folder of lists": b"lists-of-crispin",
    "folder of outputs": b"out-of-peregrine",
    "text": b"my neighbour is called",
}
#: The kinds of graphs: command, sampled sessions, further policies.
GRAPHS: dict[str, tuple[Literal["run", "audit"], int, tuple[str, ...]]] = {
    "run": ("run", 0, ()),
    "audit of two policies": ("audit", 0, ("consumer-terms-2025-09-28-strict",)),
    "audit with a sample": ("audit", 5, ()),
}
#: A run that takes over what it can from a run before it.
AFTER = "run after a run"
EVERY_GRAPH = (*GRAPHS, AFTER)
_INSTANT = "2026-01-01T00:00:00Z"


@dataclasses.dataclass(frozen=True)
class Graphs:
    """The plan of each kind of graph."""

    plans: Mapping[str, RunPlan]

    def pipeline(self, kind: str) -> Any:
        """A new Beam pipeline of a plan, for the local runner."""
        return build_pipeline(self.plans[kind], "FnApiRunner", PipelineOptions([]))


def canary_graphs(folder: Path) -> Graphs:
    """Graphs of every kind, from inputs in `folder`. The key is in an environment variable, as for users."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, KEY.hex())
        config = write_canaries(folder)
        plans = {name: plan_of(config, *given) for name, given in GRAPHS.items()}
        return Graphs({**plans, AFTER: _after(plans["run"])})


def write_canaries(folder: Path) -> Path:
    """The configuration of a run with every kind of value that names someone."""
    inputs, lists = folder / "inputs-of-zebedee", folder / "lists-of-crispin"
    for path in (inputs / "ottoline", lists):
        path.mkdir(parents=True)
    record = {"conversation_id": "conv_hollingworth", "created_at": _INSTANT, "messages": []}
    record["title"] = CANARIES["text"].decode()
    for name in ("canonical", "sharegpt", "ottoline/claude"):
        (inputs / f"{name}-barnaby-talks.jsonl").write_text(json.dumps(record) + "\n")
    written = {
        "mapping.csv": "path,account,user_id,organization_id\n"
        ",acct_penhaligon,usr_thistlewood,org_wexcombe\n",
        "consent.csv": "user_id,state,decided_at,snapshot_at\n"
        f"usr_ravenscroft,granted,{_INSTANT},{_INSTANT}\n",
        "authorizations.csv": "organization_id,surface,valid_from,valid_to,reference\n"
        f"org_abernathy,api,{_INSTANT},,canary\n",
        "deletions.csv": f"kind,id,deleted_at\nuser,usr_featherstone,{_INSTANT}\n"
        f"conversation,conv_hollingworth,{_INSTANT}\n",
        "segment.jsonl": "".join(_segment(f"usr_lockwood{n:03d}") + "\n" for n in range(100)),
    }
    for name, text in written.items():
        (lists / name).write_text(text)
    config = {
        "inputs": [
            {
                "path": str(inputs / "canonical*"),
                "defaults": {"user_id": "usr_quillfeather", "organization_id": "org_wexcombe"},
                "defaults_by_path": [{"path": "**/ottoline*", "user_id": "usr_marchbanks"}],
                "mapping": str(lists / "mapping.csv"),
            },
            {"path": str(inputs / "sharegpt*"), "format": "sharegpt"},
            {"path": str(inputs / "ottoline"), "format": "claude-code"},
        ],
        "consent": {
            "snapshots": [str(lists / "consent.csv")],
            "sources": [
                {
                    "format": "segment",
                    "path": str(lists / "segment.jsonl"),
                    "category": "model_training",
                }
            ],
        },
        "authorizations": str(lists / "authorizations.csv"),
        "deletions": str(lists / "deletions.csv"),
        "policy": "consumer-terms-2025-09-28",
        "deid": "default",
        "as_of": "2026-01-02T00:00:00Z",
        "key": f"${{{VARIABLE}}}",
        "output": {"path": str(folder / "out-of-peregrine")},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def plan_of(
    config: Path, kind: Literal["run", "audit"], sample: int = 0, policies: Sequence[str] = ()
) -> RunPlan:
    """The plan of a run or audit, as the command makes it; the graph is not run."""
    plans: list[RunPlan] = []

    def note(plan: RunPlan, *_: object) -> None:
        plans.append(plan)
        raise PipelineError("not run")

    settings = load_settings(config, {}, policies)
    paths = [config.parent / f"out-of-peregrine/{n}" for n in range(len(settings.packs))]
    with mock.patch.object(run, "run_graph", note), pytest.raises(PipelineError, match="not run"):
        run.execute_packs(settings, kind, paths, [], Progress(False), sample)
    (plan,) = plans
    hasher = KeyedHasher(KEY)
    erased = ErasedKeys("user", (hasher.user("usr_erased"),))
    return dataclasses.replace(plan, deletions=[*plan.deletions, erased])


def _after(plan: RunPlan) -> RunPlan:
    """The plan of a run that takes rows over from version 1, and checks some of them."""
    folder = plan.packs[0].folder.replace("v0001", "v0000")
    shards = (KnownShard("data/train-0", "0" * 64, f"{ROW_STATE_PREFIX}0", "0" * 64),)
    return dataclasses.replace(plan, known_rows=KnownRows(folder, shards, Checked(0.05, 2)))


def needles_of(plan: RunPlan) -> dict[str, bytes]:
    """The canaries, the key and everything that the key gives."""
    hasher = KeyedHasher(KEY)
    return {
        **CANARIES,
        "folder of the program": str(Path(__file__).parents[2]).encode(),
        "key": KEY,
        "key for the spill": plan.run_key.derived("spill"),
        "key for sealed values": plan.run_key.derived("seal"),
        "message seed": hasher.message_seed.to_bytes(8, "big"),
        "erased user": hasher.user("usr_erased"),
        "key of an authorized organization": hasher.organization("org_abernathy"),
    }


def _segment(user: str) -> str:
    event = {
        "type": "track",
        "event": "Segment Consent Preference Updated",
        "userId": user,
        "receivedAt": _INSTANT,
        "timestamp": _INSTANT,
        "context": {"consent": {"categoryPreferences": {"model_training": True}}},
    }
    return json.dumps(event)
