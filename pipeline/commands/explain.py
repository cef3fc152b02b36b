"""`chatsieve explain`: the decision on one conversation, why it was made, and what would change it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from pathlib import PurePath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.commands.explain_session import explained_sessions, rules_by_reason
from pipeline.commands.policy import rule_lines
from pipeline.dataset.committed import Committed, open_committed
from pipeline.dataset.erased import erased_from
from pipeline.inputs.config import Settings
from pipeline.inputs.find_inputs import Inputs, find_inputs, read_context
from pipeline.inputs.globs import refused
from schemas.decisions import TEXT_REASONS, Decision, Reason
from schemas.errors import ConfigError, InputError
from schemas.keys import KeyedHasher, key_id
from schemas.tables import CONSENT, DELETIONS, KEY
from transforms.consent.snapshots import ConsentEvent, read_deletions, read_events
from transforms.consent.spilled import SpilledConsent, rows_of_users, temporary_spill
from transforms.decide.explain.locate import FoundConversation, find_conversation
from transforms.decide.explain.world import World
from transforms.decide.settle import deletions_by_name
from transforms.output.file_names import display_name
from transforms.shuffle.instants import moment_text
from transforms.sources.base import ReadContext

_KEY = re.compile(r"[0-9a-f]{32}\Z")


def explain(
    settings: Settings, conversation: str, run: PurePath | None = None, check_text: bool = True
) -> dict[str, Any]:
    """The explanation as a JSON document, for a conversation id or key.

    With `run`, the policy and `as_of` of that run are used, and the result is compared with its ledger.
    `check_text`: also apply rule 15 to an eligible session, as a run does. Raises InputError if the inputs
    have no record of the conversation.
    """
    if not conversation.isprintable():
        raise InputError("the conversation id cannot be printed; give its conversation key instead")
    committed = open_committed(run) if run else None
    if committed:
        settings = _as_decided_by(committed, settings)
        same_masking = committed.manifest.deid.get("sha256") == settings.deid_sha256
        check_text = check_text and committed.manifest.kind == "run" and same_masking
    hasher = KeyedHasher(settings.key)
    with temporary_spill() as spill:
        inputs = find_inputs(settings, hasher, spill, erased_from(settings))
        with refused():
            key, found, context = _find(settings, inputs, hasher, conversation)
            world, events = _world(settings, inputs, hasher, key, found)
    pack = settings.packs[0]
    document: dict[str, Any] = {
        "conversation_key": key.hex(),
        "as_of": moment_text(settings.as_of),
        "known_until": moment_text(inputs.known_until),
        "policy": {"id": pack.policy.id, "sha256": pack.sha256},
        "sessions": explained_sessions(settings, world, found, events, context, check_text),
        "quarantined": [
            {
                "file": display_name(entry.path, inputs.roots, entry.input),
                "locator": entry.locator,
                "field": entry.field,
                "kind": entry.kind,
                "decision": str(Decision.QUARANTINED),
                "reason": entry.code,
            }
            for entry in found.quarantined
        ],
    }
    first = (document["sessions"] or document["quarantined"])[0]
    summary = {name: first.get(name) for name in ("decision", "reason", "clause", "basis")}
    ledger = _compare_with_ledger(committed, key, document, check_text) if committed else None
    return {**summary, **document, "ledger": ledger}


def _as_decided_by(committed: Committed, settings: Settings) -> Settings:
    """The settings with policy and `as_of` of the run; ConfigError if the run has another key."""
    if committed.manifest.key_id != key_id(settings.key):
        raise ConfigError(
            f"{committed.path}: made with another key than that of {settings.path}; "
            "give the configuration of that run"
        )
    as_of = dt.datetime.fromisoformat(committed.manifest.as_of)
    return dataclasses.replace(settings, packs=(committed.pack(),), as_of=as_of)


def explain_ledger(run: PurePath, key: str) -> dict[str, Any]:
    """The ledger rows of a conversation key, and the outcome of each rule that follows from them."""
    committed = open_committed(run)
    if not _KEY.match(key):
        raise InputError(
            "expected a conversation key of 32 hex digits; to use a conversation id, give -c CONFIG"
        )
    rows = committed.ledger_rows(bytes.fromhex(key))
    if not rows:
        raise InputError(f"{run}: the ledger has no row with conversation key {key}; check the key")
    manifest, pack = committed.manifest, committed.pack()
    lines = rule_lines(pack.policy)
    return {
        **{name: rows[0][name] for name in ("decision", "reason", "clause", "basis")},
        "conversation_key": key,
        "as_of": manifest.as_of,
        "known_until": manifest.known_until,
        "policy": {"id": pack.policy.id, "sha256": pack.sha256},
        "sessions": [],
        "quarantined": [],
        "ledger": {
            "run": str(run),
            "kind": manifest.kind,
            "rows": [{**_plain(row), "rules": rules_by_reason(lines, row["reason"])} for row in rows],
            "agrees": None,
        },
    }


def _find(
    settings: Settings, inputs: Inputs, hasher: KeyedHasher, conversation: str
) -> tuple[bytes, FoundConversation, ReadContext]:
    """The key, the records of the conversation, and the context to read them; by id, else by key."""
    every = read_context(settings, hasher)
    tries = [(hasher.conversation(conversation), dataclasses.replace(every, only=conversation))]
    if _KEY.match(conversation):
        tries.append((bytes.fromhex(conversation), every))
    for key, context in tries:
        found = find_conversation(inputs.tasks, key, context)
        if len(found.keys) > 1:
            several = ", ".join(one.hex() for one in found.keys)
            raise InputError(f"this id belongs to several conversations; give one of these keys: {several}")
        if found.facts.num_rows or found.quarantined:
            return found.keys[0], found, context
    raise InputError(f"no input has a record of this conversation, key {tries[0][0].hex()}; check the id")


def _world(
    settings: Settings, inputs: Inputs, hasher: KeyedHasher, key: bytes, found: FoundConversation
) -> tuple[World, list[ConsentEvent]]:
    users = sorted({session.user_id for session in found.sessions if session.user_id})
    events: list[ConsentEvent] = []
    for snapshot in inputs.snapshots:
        if isinstance(snapshot, SpilledConsent):
            by_key = {hasher.user(user): user for user in users}
            events += [
                ConsentEvent(by_key[row.user_key], *row[1:]) for row in rows_of_users(snapshot, by_key)
            ]
        else:
            events += read_events(snapshot, users, settings.as_of)
    consent = [
        {"user_key": hasher.user(event.user_id), "state": event.state, "decided_at": event.decided_at}
        for event in events
    ]
    deletions: dict[str, list[pa.Table]] = {"user": [], "conversation": []}
    for path in inputs.deletions:
        for kind, table in read_deletions(path, hasher, settings.as_of):
            deletions[kind].append(table)
    conversations = pa.concat_tables([DELETIONS.empty_table(), *deletions["conversation"]])
    world = World(
        facts=found.facts,
        consent=pa.Table.from_pylist(consent, schema=CONSENT),
        user_deletions=pa.concat_tables([DELETIONS.empty_table(), *deletions["user"]]),
        conversation_deletions=_deletions_of(key, found, conversations),
        authorizations=inputs.authorizations,
        policy=settings.policy,
        as_of=settings.as_of,
        known_until=inputs.known_until,
    )
    return world, events


def _deletions_of(key: bytes, found: FoundConversation, deletions: pa.Table) -> pa.Table:
    """DELETIONS of the conversation, by any of its ids."""
    own = deletions.filter(pc.equal(deletions["key"], pa.scalar(key, KEY)))
    named = found.names.filter(pc.equal(found.names["conversation_key"], pa.scalar(key, KEY)))
    return pa.concat_tables([own, deletions_by_name(named, deletions)])


def _compare_with_ledger(
    committed: Committed, key: bytes, document: dict[str, Any], check_text: bool
) -> dict[str, Any]:
    """The run's ledger rows of the conversation, and whether they agree with the explanation."""
    rows = committed.ledger_rows(key)
    explained = [(s["decision"], s["reason"], s["messages_kept"]) for s in document["sessions"]]
    explained += [(entry["decision"], entry["reason"], 0) for entry in document["quarantined"]]
    written = [(row["decision"], row["reason"], row["messages_kept"]) for row in rows]
    if not check_text:
        # Rule 15 was not applied here, so a session that the run refused by it appears as eligible.
        written = [w for w in written if w[1] not in TEXT_REASONS]
        explained = [e for e in explained if e[1] != Reason.ELIGIBLE or e in written]
    return {
        "run": str(committed.path),
        "kind": committed.manifest.kind,
        "rows": [_plain(row) for row in rows],
        "agrees": sorted(explained) == sorted(written),
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in row.items()}
