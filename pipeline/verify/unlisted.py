"""Class `report`: the operator's list of values that the policy does not list, where a version has one."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.report.unlisted import UNLISTED, Unlisted, encode_unlisted
from pipeline.verify.findings import Finding
from pipeline.verify.subject import Subject, decoded, read_file
from schemas.policy import Policy
from transforms.read.labels import LABELS


def check_unlisted(subject: Subject, policy: Policy) -> Iterator[Finding]:
    """Findings of the list: its form, its values against the policy, its files against the inputs."""
    if UNLISTED in subject.bad or not subject.files(UNLISTED):
        return
    data = read_file(subject.folder / UNLISTED)
    found = decoded(data, Unlisted)
    if found is None or encode_unlisted(found) != data:
        yield _finding("is not a list as chatsieve writes it")
        return
    inputs = {(entry.get("input"), entry.get("file")) for entry in subject.manifest.inputs}
    for column in LABELS:
        values = getattr(found, column)
        if any(each.value in policy.listed(column) for each in values):
            yield _finding(f"has a {column} that the policy lists")
        if any(place not in inputs for each in values for place in each.files):
            yield _finding(f"names a file of a {column} that is no input of the manifest")


def _finding(what: str) -> Finding:
    return Finding("report", UNLISTED, what)
