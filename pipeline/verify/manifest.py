"""Class `manifest`: its digest, its HMAC, and what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pydantic

from pipeline.dataset.catalog import MANIFEST
from pipeline.verify.findings import Finding, Outcome
from pipeline.verify.subject import DAMAGE, Counts, Subject
from schemas.decisions import decision_of
from schemas.keys import key_id
from schemas.manifest import FORMAT, FORMAT_VERSION, Manifest, digest_of, hmac_of
from schemas.policy import Policy, canonical, canonical_sha256
from schemas.strict_yaml import parse_instant
from transforms.shuffle.instants import moment_text

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_KEY_ID = re.compile(r"[0-9a-f]{16}\Z")


def check_manifest(data: bytes, subject: Subject, key: bytes | None, outcome: Outcome) -> Iterator[Finding]:
    """Findings of the manifest; `data` are its bytes. Fills in `subject.counts` and `subject.policy`."""
    manifest = subject.manifest
    if (manifest.format, manifest.format_version) != (FORMAT, FORMAT_VERSION):
        yield _finding(f"expected {FORMAT} version {FORMAT_VERSION}")
    if msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n" != data:
        yield _finding("is not written as chatsieve writes it: unknown, repeated or reordered fields")
    if digest_of(manifest) != manifest.digest:
        yield _finding("its digest does not match its content")
    if not _KEY_ID.match(manifest.key_id):
        yield _finding("expected the id of a key")
    if key is None:
        outcome.skip("hmac", "no key was given: someone who can write the files can recompute every digest")
    else:
        outcome.checked.append("hmac")
        if key_id(key) != manifest.key_id:
            yield _finding(f"was made with another key than the given one, whose id is {key_id(key)}")
        if hmac_of(manifest, key) != manifest.hmac:
            yield _finding("its HMAC was not made with the given key over this content")
    yield from _moments(manifest)
    yield from _policy(subject)
    yield from _counts(subject)


def _moments(manifest: Manifest) -> Iterator[Finding]:
    moments = []
    for name, text in (("as_of", manifest.as_of), ("known_until", manifest.known_until)):
        try:
            moments.append(parse_instant(text))
            if moment_text(moments[-1]) != text:
                yield _finding(f"{name}: expected a time in UTC")
        except DAMAGE:
            yield _finding(f"{name}: expected a time in UTC")
    if len(moments) == 2 and moments[1] > moments[0]:
        yield _finding("known_until is later than as_of")
    if manifest.arguments.get("as_of") != manifest.as_of:
        yield _finding("as_of is not the one in its arguments")
    newest = [item.get("name") for item in manifest.snapshots]
    if not newest or not all(isinstance(name, str) for name in newest):
        yield _finding("lists no snapshot of consent")


def _policy(subject: Subject) -> Iterator[Finding]:
    policy: dict[str, Any] = subject.manifest.policy
    try:
        found = Policy.model_validate(policy.get("pack"))
        if canonical(found) != policy.get("pack"):
            yield _finding("its policy is not in canonical form")
        if canonical_sha256(found) != policy.get("canonical_sha256"):
            yield _finding("the digest of its policy does not match the policy")
        if policy.get("id") != found.id:
            yield _finding("the id of its policy is not that of the policy")
        subject.policy = found
    except (*DAMAGE, pydantic.ValidationError, TypeError, OverflowError):
        yield _finding("holds no policy that can be read")
    sha256 = policy.get("sha256")
    if not isinstance(sha256, str) or not _SHA256.match(sha256):
        yield _finding("expected the SHA-256 of the policy's file")


def _counts(subject: Subject) -> Iterator[Finding]:
    manifest = subject.manifest
    try:
        counts = msgspec.convert(manifest.counts, Counts)
    except DAMAGE:
        yield _finding("its counts are not numbers by the documented names")
        return
    subject.counts = counts
    numbers = [
        *(value for value in msgspec.structs.astuple(counts) if isinstance(value, int)),
        *counts.decisions.values(),
        *counts.reasons.values(),
        *manifest.entities.values(),
        *msgspec.structs.astuple(manifest.erased),
    ]
    if any(number < 0 for number in numbers):
        yield _finding("a count is negative")
    decisions: dict[str, int] = {}
    for reason, number in counts.reasons.items():
        decision = str(decision_of(reason))
        decisions[decision] = decisions.get(decision, 0) + number
    if decisions != counts.decisions:
        yield _finding("its counts by reason do not add up to its counts by decision")
    rows = counts.sessions + counts.quarantined_records
    if not rows == counts.ledger_rows == sum(counts.reasons.values()):
        yield _finding("its sessions and quarantined records are not its ledger rows")
    if counts.quarantined_parts > min(counts.quarantined_records, counts.parts):
        yield _finding("its quarantined parts are more than its parts or its quarantined records")
    if counts.records < rows:
        yield _finding("its records are fewer than its ledger rows")
    eligible = counts.reasons.get("eligible", 0)
    if manifest.kind == "run" and counts.training_rows < eligible:
        yield _finding("its training rows are fewer than its eligible sessions")
    if manifest.kind == "audit" and (counts.training_rows or manifest.entities):
        yield _finding("an audit has no training rows and replaces nothing")
    if (
        manifest.erased.ledger_rows > counts.ledger_rows
        or manifest.erased.training_rows > counts.training_rows
    ):
        yield _finding("more rows were erased than there were")


def _finding(what: str) -> Finding:
    return Finding("manifest", MANIFEST, what)
