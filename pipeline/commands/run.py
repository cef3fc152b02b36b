"""`chatsieve run` and `chatsieve audit`: plan, run the graph, check the sums, commit."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from pipeline.card import dataset_card
from pipeline.config import Settings
from pipeline.graph import RunPlan
from pipeline.inputs import Inputs, find_inputs
from pipeline.output import OutputFolder, claim_output
from pipeline.progress import Progress
from pipeline.report import Catalog, report_of
from pipeline.runner import run_graph
from schemas.errors import PipelineError
from schemas.keys import KeyedHasher, key_id
from schemas.manifest import FileEntry, Manifest, encode
from schemas.records import Defaults, Limits
from transforms.bucketing import Buckets
from transforms.engines import EngineSpec, engine_of
from transforms.file_names import display_name, masked_name
from transforms.guard import describe
from transforms.ledger import Stamp
from transforms.sources import ReadContext
from transforms.staged import stage

_PACKAGES = (
    "apache-beam",
    "chatsieve",
    "hyperscan",
    "msgspec",
    "numpy",
    "phonenumbers",
    "presidio-analyzer",
    "presidio-anonymizer",
    "pyarrow",
    "spacy",
)
_BYTES_PER_BUCKET = 64 << 20
_UNIT_BYTES = (1 << 20, 32 << 20)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run or audit ended with; `over_limit`: more was quarantined than the limits allow."""

    path: Path
    manifest: Manifest
    report: dict[str, Any]
    over_limit: bool


def execute(
    settings: Settings,
    kind: Literal["run", "audit"],
    beam_arguments: Sequence[str],
    progress: Progress,
    sample: int = 0,
) -> Outcome:
    """Runs and commits; on any failure everything written is removed and the error raised.

    `sample`: over how many eligible sessions an audit estimates PII.
    """
    hasher = KeyedHasher(settings.key)
    inputs = find_inputs(settings, hasher)
    engine = _engine_spec(settings) if kind == "run" or sample else None
    digests = engine_of(engine).model_digests() if engine else {}
    output = settings.config.output
    folder = claim_output(Path(settings.resolve(output.path)), output.on_exists)
    try:
        plan = _plan(settings, hasher, inputs, folder, engine, sample)
        workers = settings.config.runner.workers
        catalog = run_graph(plan, workers, beam_arguments, progress)
        return _commit(settings, kind, inputs, folder, catalog, digests)
    except KeyboardInterrupt:
        folder.rollback()
        raise PipelineError("interrupted; what was written was removed") from None
    except OSError as error:
        folder.rollback()
        raise PipelineError(f"{describe('commit', error)}: {error.strerror}") from error
    except BaseException:
        folder.rollback()
        raise


def _engine_spec(settings: Settings) -> EngineSpec:
    digest = hashlib.sha256(settings.deid_sha256.encode() + settings.key).hexdigest()
    return EngineSpec(settings.deid, settings.key, digest)


def _plan(
    settings: Settings,
    hasher: KeyedHasher,
    inputs: Inputs,
    folder: OutputFolder,
    engine: EngineSpec | None,
    sample: int,
) -> RunPlan:
    config = settings.config
    limits = Limits(config.limits.max_record_bytes, config.limits.max_messages)
    defaults = tuple(Defaults(**source.defaults.model_dump()) for source in config.inputs)
    users = config.runner.buckets or min(
        1024, max(2 * config.runner.workers, math.ceil(inputs.total_bytes / _BYTES_PER_BUCKET))
    )
    return RunPlan(
        context=ReadContext(hasher, limits, defaults),
        policy=settings.policy,
        stamp=Stamp(settings.policy.id, settings.policy_sha256, settings.as_of, inputs.known_until),
        authorizations=inputs.authorizations,
        tasks=inputs.tasks,
        files=inputs.files,
        snapshots=inputs.snapshots,
        deletions=inputs.deletions,
        buckets=Buckets(users, config.runner.sub_buckets),
        unit_bytes=max(
            _UNIT_BYTES[0], min(_UNIT_BYTES[1], inputs.total_bytes // (32 * config.runner.workers))
        ),
        shards=config.output.shards,
        target_shard_bytes=config.output.target_shard_bytes,
        staging=str(folder.staging),
        prefix=folder.prefix,
        roots=inputs.roots,
        engine=engine,
        sample=sample,
    )


def _commit(
    settings: Settings,
    kind: Literal["run", "audit"],
    inputs: Inputs,
    folder: OutputFolder,
    catalog: Catalog,
    model_digests: dict[str, str],
) -> Outcome:
    header = {
        "kind": kind,
        "as_of": _instant(settings.as_of),
        "known_until": _instant(inputs.known_until),
        "policy_id": settings.policy.id,
        "policy_sha256": settings.policy_sha256,
    }
    report = report_of(catalog, header)
    counts = report["counts"]
    report_path = f"report/{folder.prefix}report.json"
    files = [
        FileEntry(entry["path"], entry["bytes"], entry["rows"], entry["sha256"])
        for name in ("shard", "index", "ledger", "quarantine")
        for entry in catalog.get(name, [])
    ]
    encoded = msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
    files.append(stage(folder.staging, report_path, encoded))
    manifest = Manifest(
        kind=kind,
        dataset_version=folder.version,
        parent=folder.parent,
        arguments=_arguments(settings),
        key_id=key_id(settings.key),
        policy={"id": settings.policy.id, "sha256": settings.policy_sha256},
        deid={"sha256": settings.deid_sha256, "models": model_digests},
        packages={name: importlib.metadata.version(name) for name in _PACKAGES},
        as_of=header["as_of"],
        known_until=header["known_until"],
        inputs=_input_entries(settings, inputs, catalog),
        snapshots=[_snapshot_entry(path) for path in inputs.snapshots],
        counts=counts,
        entities=report["entities"],
        files=sorted(files, key=lambda file: file.path),
    )
    if kind == "run":
        card = dataset_card(manifest, folder.prefix).encode()
        files.append(stage(folder.staging, "README.md", card))
        manifest = msgspec.structs.replace(manifest, files=sorted(files, key=lambda file: file.path))
    folder.commit([file.path for file in manifest.files], encode(manifest))
    fraction = counts["quarantined_records"] / max(1, counts["records"])
    return Outcome(folder.path, manifest, report, fraction > settings.config.limits.max_quarantined_fraction)


def _arguments(settings: Settings) -> dict[str, Any]:
    """The configuration as given, without the key, with personal names in paths masked."""
    arguments: dict[str, Any] = settings.config.model_dump(
        mode="json", exclude={"key", "key_file", "create_key"}
    )
    for source in arguments["inputs"]:
        source["path"] = masked_name(source["path"])
        for name in ("user_id", "organization_id"):
            source["defaults"][name] = None if source["defaults"][name] is None else "given"
    for name in ("policy", "deid", "authorizations", "deletions"):
        arguments[name] = None if arguments[name] is None else masked_name(arguments[name])
    arguments["consent"]["snapshots"] = [masked_name(path) for path in arguments["consent"]["snapshots"]]
    arguments["output"]["path"] = masked_name(arguments["output"]["path"])
    arguments["as_of"] = _instant(settings.as_of)
    return arguments


def _input_entries(settings: Settings, inputs: Inputs, catalog: Catalog) -> list[dict[str, Any]]:
    paths = {(number, position): path for number, position, path in inputs.files}
    return [
        {
            **entry,
            "format": settings.config.inputs[entry["input"]].format,
            "name": display_name(paths[entry["input"], entry["file"]], inputs.roots, entry["input"]),
        }
        for entry in sorted(catalog.get("input", []), key=lambda entry: (entry["input"], entry["file"]))
    ]


def _snapshot_entry(path: str) -> dict[str, Any]:
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"name": masked_name(Path(path).name), "bytes": file.tell(), "sha256": digest}


def _instant(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z")  # type: ignore[no-any-return]
