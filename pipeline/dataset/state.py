"""The state of a version, `restricted/state/`: whether the next run can use it, and why not."""

from __future__ import annotations

import hashlib
import importlib.metadata
import sys
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from pipeline.dataset.listed import committed_manifest, listed_file, unlike
from pipeline.dataset.writer import DatasetWriter
from pipeline.inputs.config import Settings
from schemas.keys import key_id
from schemas.manifest import Manifest, hmac_of
from transforms.shuffle.installed import installed_digest
from transforms.shuffle.instants import moment_text

#: Raised with every change of what a state file holds.
STATE_FORMAT = 2
STATE_FOLDER = "restricted/state/"
STATE = f"{STATE_FOLDER}state.json"
#: The reason of a rebuild that nobody needs to be told of.
FIRST = "there is no version before this one"
#: What each digest of a State stands for, as a reason names it.
_NAMES = {
    "key_id": "the key",
    "policy": "the policy",
    "deid": "the de-identification config",
    "models": "a model of the de-identification",
    "code": "chatsieve itself",
    "packages": "an installed package",
    "limits": "limits",
}


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What a version was made from, as digests (hex).

    Up to `limits`: everything besides inputs and consent that facts and rows depend on. A run uses the state
    of the version before only if all of these are equal. `code` and `packages`: of the installed chatsieve,
    and of names and versions of all installed packages and Python.

    `inputs`: all input files in their state. `settings`: consent, lists, mapping tables, what was erased, and
    the rest of the configuration. If these two are equal as well, only time can change a decision. Both are
    keyed: they are digests of ids, among others.
    """

    format: int = STATE_FORMAT
    key_id: str
    policy: str
    deid: str
    models: str
    code: str
    packages: str
    limits: str
    inputs: str
    settings: str
    as_of: str

    @property
    def without_time(self) -> State:
        """The same for any time."""
        return msgspec.structs.replace(self, as_of="")


class PreviousState(NamedTuple):
    """The usable state of the version before. `folder`: of that version, a path or URL.

    `damaged`: its files that are missing or have another size than its manifest lists.
    """

    folder: str
    version: int
    manifest: Manifest
    state: State
    damaged: tuple[str, ...]


class Rebuild(NamedTuple):
    """Why a run reads and masks everything, in one line."""

    reason: str


def state_of(settings: Settings, models: Mapping[str, str], inputs: str, others: str) -> State:
    """The state that a run with these settings writes.

    `models`: the digests of `EngineSpec.models`. `inputs` and `others`: the digests for the fields `inputs`
    and `settings`.
    """
    limits = settings.config.limits.model_dump(mode="json", exclude={"max_quarantined_fraction"})
    return State(
        key_id=key_id(settings.key),
        policy=settings.packs[0].canonical_sha256,
        deid=settings.deid_sha256,
        models=_digest(dict(models)),
        code=installed_digest(),
        packages=_digest(_packages()),
        limits=_digest(limits),
        inputs=inputs,
        settings=others,
        as_of=moment_text(settings.as_of),
    )


def previous_state(
    writer: DatasetWriter, key: bytes, own: State, is_forced: bool = False
) -> PreviousState | Rebuild:
    """The state of the version that the dataset's catalog named when `writer` claimed the next one.

    `own`: the state of this run. `is_forced`: the user asked for a rebuild. A state that is missing, damaged
    or of other settings gives a Rebuild and never an error: only the time of a rebuild is lost.
    """
    if writer.parent is None:
        return Rebuild(FIRST)
    if is_forced:
        return Rebuild("--rebuild was given")
    number, folder = writer.parent.version, writer.parent.folder
    manifest = committed_manifest(writer.store, writer.parent)
    if manifest is None or manifest.hmac != hmac_of(manifest, key):
        return Rebuild(f"the manifest of version {number} is missing or not the one that was committed")
    entry = next((file for file in manifest.files if file.path == STATE), None)
    if entry is None:
        return Rebuild(f"version {number} has no state")
    data = listed_file(writer.store, folder, entry)
    if data is None:
        return Rebuild(f"{STATE} of version {number} is missing or damaged")
    try:
        held = msgspec.json.decode(data, type=State)
    except msgspec.DecodeError:
        return Rebuild(f"the state of version {number} has another format")
    different = _compared(held, own, number)
    if different:
        return different
    try:
        damaged = unlike(writer.store, folder, manifest.files)
    except OSError as error:
        return Rebuild(f"the files of version {number} cannot be listed ({error.strerror})")
    return PreviousState(str(writer.path / folder), number, manifest, held, tuple(damaged))


def encode_state(state: State) -> bytes:
    """The file `restricted/state/state.json`: indented JSON."""
    return msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n"


def _compared(held: State, own: State, number: int) -> Rebuild | None:
    if held.format != own.format:
        return Rebuild(f"the state of version {number} has format {held.format}, this is {own.format}")
    for name, what in _NAMES.items():
        if getattr(held, name) != getattr(own, name):
            return Rebuild(f"{what} changed since version {number}")
    return None


def _packages() -> list[tuple[str, str]]:
    """Names and versions of what is installed. Formats and recognizers can come from any package."""
    found = {(each.name.lower(), each.version) for each in importlib.metadata.distributions() if each.name}
    return [("python", sys.version), *sorted(found)]


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()
