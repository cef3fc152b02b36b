"""Class `catalog`: certificates and tombstones of `forget` and `expire`."""

from __future__ import annotations

import collections
import hashlib
import re
from collections.abc import Iterator
from pathlib import PurePath

from pipeline.dataset.catalog import CURRENT, Catalog
from pipeline.dataset.erasures import (
    Certificate,
    Keys,
    certificate_name,
    decode_keys,
    encode_certificate,
    encode_keys,
    keys_name,
)
from pipeline.verify.findings import Finding
from pipeline.verify.subject import DAMAGE, decoded, read_file
from schemas.errors import InputError
from schemas.manifest import Erased, Manifest

_NAME = re.compile(r"(\d{4,})-[0-9a-f]{6}\Z")


def check_erasures(
    root: PurePath, catalog: Catalog, manifests: list[Manifest], unfinished: list[str] | None = None
) -> Iterator[Finding | Keys]:
    """The keys of each erasure, and findings of its files; `manifests` are those of the listed versions.

    An erasure without a scan is a finding. If `unfinished` is given, a command is writing or was killed: the
    names of such erasures are added to it instead. Erasures that the catalog does not list prove nothing and
    are not read.
    """
    removed: collections.Counter[tuple[int, str]] = collections.Counter()
    for number, name in enumerate(catalog.erased, 1):
        matched = _NAME.match(name)
        if not matched or int(matched[1]) != number:
            yield Finding("catalog", CURRENT, f"erasure {number} has a name that none has")
            continue
        certificate, keys, findings = _read(root, name)
        yield from findings
        if keys is not None:
            yield keys
        if certificate is None:
            continue
        if certificate.scan is None and unfinished is not None:
            unfinished.append(name)
        else:
            yield from _scan_findings(certificate, name)
        yield from _contradictions(certificate, keys, name)
        for one in certificate.versions:
            removed[one.version, "data"] += one.training_rows
            removed[one.version, "ledger"] += one.ledger_rows
    for manifest in manifests:
        number = manifest.dataset_version
        if manifest.erased != Erased(removed[number, "data"], removed[number, "ledger"]):
            what = f"the rows erased from version {number} are not those of its manifest"
            yield Finding("catalog", "erasures/", what)


def _read(root: PurePath, name: str) -> tuple[Certificate | None, Keys | None, list[Finding]]:
    certificate, keys, findings = None, None, []
    digest = ""
    try:
        data = read_file(root / keys_name(name))
        keys, digest = decode_keys(data, keys_name(name)), hashlib.sha256(data).hexdigest()
        if encode_keys(keys) != data:
            findings.append(Finding("catalog", keys_name(name), "expected sorted keys, each once"))
    except (*DAMAGE, InputError):
        findings.append(Finding("catalog", keys_name(name), "is missing or is no list of erased keys"))
    try:
        data = read_file(root / certificate_name(name))
    except DAMAGE:
        data = b""
    certificate = decoded(data, Certificate)
    if certificate is None:
        findings.append(Finding("catalog", certificate_name(name), "is missing or is no certificate"))
    else:
        if encode_certificate(certificate) != data:
            what = "is not written as chatsieve writes it: unknown, repeated or reordered fields"
            findings.append(Finding("catalog", certificate_name(name), what))
        if keys is not None and certificate.keys_sha256 != digest:
            findings.append(Finding("catalog", keys_name(name), "its SHA-256 is not the certificate's"))
    return certificate, keys, findings


def _contradictions(certificate: Certificate, keys: Keys | None, name: str) -> Iterator[Finding]:
    where = certificate_name(name)
    if certificate.name != name:
        yield Finding("catalog", where, "is the certificate of another erasure")
    if certificate.kind not in ("forget", "expire"):
        yield Finding("catalog", where, "expected kind forget or expire")
    if keys is not None and not _is_asked(certificate, keys):
        yield Finding("catalog", where, "its numbers of users and conversations are not those of its keys")
    if set(certificate.found) != {"users", "conversations"}:
        yield Finding("catalog", where, "expected the numbers of users and conversations that were found")
    if any(one.training_rows < 0 or one.ledger_rows < 0 for one in certificate.versions):
        yield Finding("catalog", where, "expected numbers of rows that are not negative")


def _scan_findings(certificate: Certificate, name: str) -> Iterator[Finding]:
    where = certificate_name(name)
    if certificate.scan is None:
        yield Finding("catalog", where, "has no scan: the erasure is not finished; repeat the command")
    elif certificate.scan.get("found") != 0 or certificate.scan.get("files", 0) < 1:
        yield Finding("catalog", where, "its scan does not prove that nothing is left")


def _is_asked(certificate: Certificate, keys: Keys) -> bool:
    """False where numbers contradict the keys: each id has one key, or two if it looks like a key itself.

    Each conversation that was found by a further id has one more.
    """
    asked, found = certificate.asked, certificate.found
    numbers = {"users": len(keys.users), "conversations": len(keys.conversations)}
    more = {
        "users": 0,
        "conversations": max(0, found.get("conversations", 0)) if asked.get("conversations") else 0,
    }
    return set(asked) == set(numbers) and all(
        asked[kind] <= number <= 2 * asked[kind] + more[kind] for kind, number in numbers.items()
    )
