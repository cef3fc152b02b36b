"""Reads consent records of ISO/IEC TS 27560:2023 in the Data Privacy Vocabulary, as JSON or JSON-LD.

Source: https://w3id.org/dpv/guides/consent-27560 and the schema `dpv-27560:record-2`. A record has one data
subject and processes, which may be nested. A process has purposes and the statuses of its consent over time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, NamedTuple

import isodate

from schemas.consent_config import Iso27560Source
from schemas.tables import GRANTED, REFUSED, UNDECIDED
from transforms.consent.columns import quoted
from transforms.consent.systems.base import ConsentDecision, ConsentFile, FileContents
from transforms.consent.systems.dpv_terms import (
    Malformed,
    Nodes,
    get,
    listed,
    nodes_of,
    objects_of,
    term,
    text_of,
    types_of,
)
from transforms.consent.systems.json_records import decode_whole, json_records
from transforms.shuffle.instants import later

#: The state of each status; None if it is not a decision.
_STATUSES = {
    "dpv:ConsentGiven": GRANTED,
    "dpv:RenewedConsentGiven": GRANTED,
    "dpv:ConsentRefused": REFUSED,
    "dpv:ConsentWithdrawn": REFUSED,
    "dpv:ConsentRevoked": REFUSED,
    "dpv:ConsentInvalidated": REFUSED,
    "dpv:ConsentExpired": UNDECIDED,
    "dpv:ConsentUnknown": UNDECIDED,
    "dpv:ConsentRequested": None,
    "dpv:ConsentRequestDeferred": None,
}
_KINDS = {
    "dpv:Consent",
    "dpv:ConsentStatus",
    "dpv:ConsentStatusInvalidForProcessing",
    "dpv:ConsentStatusValidForProcessing",
    "dpv:ExplicitlyExpressedConsent",
    "dpv:ExpressedConsent",
    "dpv:InformedConsent",
}
#: Consent by doing nothing, or without information: not a decision of the user.
_NO_DECISION = {"dpv:ImpliedConsent", "dpv:UninformedConsent"}
_EVER = dt.datetime.min.replace(tzinfo=dt.UTC)
_NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)


class _Step(NamedTuple):
    """The state of a process from `at` on; None keeps the state before. A grant ends at `until`."""

    at: dt.datetime
    state: int | None
    until: dt.datetime | None = None

    def state_at(self, instant: dt.datetime) -> int | None:
        """The state at a later instant, if no other step is in between."""
        return UNDECIDED if self.until and self.until <= instant else self.state


def read_iso27560(
    file: ConsentFile, source: Iso27560Source, found: FileContents
) -> Iterator[ConsentDecision]:
    """The decisions of data subjects about the configured purpose, in the order of the file.

    The purpose is granted if all its processes are granted, and refused if one of them is refused.
    """
    for record in json_records(file.path, file.states):
        document = decode_whole(file.path, record)
        try:
            nodes = nodes_of(document)
            for node in _records_of(document):
                yield from _RecordReader(file, source, found, record.where, nodes).decisions(node)
        except (Malformed, RecursionError) as error:
            why = str(error) if isinstance(error, Malformed) else "is nested too deep"
            raise file.fault(record.where, why) from None


def _records_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The document itself, or the consent records of its graph."""
    if "@graph" not in document:
        return [document]
    graph = [node for node in listed(document["@graph"]) if isinstance(node, dict)]
    return [n for n in graph if "dpv:ConsentRecord" in types_of(n) or get(n, "hasDataSubject") is not None]


class _RecordReader(NamedTuple):
    """Reads one record."""

    file: ConsentFile
    source: Iso27560Source
    found: FileContents
    where: str
    nodes: Nodes

    def decisions(self, record: dict[str, Any]) -> Iterator[ConsentDecision]:
        """The decisions of the record's data subject."""
        file, found = self.file, self.found
        created = self._time(get(record, "created"), "dct:created")
        if created and file.known_at(created) > file.as_of:
            return
        modified = [self._time(each, "dct:modified") for each in listed(get(record, "modified"))]
        for instant in (created, *modified):
            if instant and file.known_at(instant) <= file.as_of:
                found.reach(file.known_at(instant))
        histories = list(self._histories(record, (), None))
        found.matched |= bool(histories)
        steps = [step for history in histories for step in history]
        first = created or min((step.at for step in steps), default=None)
        if not histories or first is None:
            return
        user_id = self._subject(record)
        yield ConsentDecision(user_id, UNDECIDED, None, file.known_at(first))
        for state, step in _combined(histories):
            known_at = file.known_at(max(step.at, first))
            found.reach(known_at)
            yield ConsentDecision(user_id, state, step.at, known_at, step.until)

    def _subject(self, record: dict[str, Any]) -> str:
        subject = get(record, "hasDataSubject")
        if isinstance(subject, list) and len(subject) == 1:
            (subject,) = subject
        if isinstance(subject, dict):
            target = self.nodes.get(subject["@id"], subject) if set(subject) == {"@id"} else subject
            user_id = text_of(get(target, "hasIdentifier") or get(target, "identifier"))
        else:
            entities = get(record, "hasEntity")
            entity = (
                entities.get(subject) if isinstance(entities, dict) and isinstance(subject, str) else None
            )
            user_id = text_of(get(entity, "hasIdentifier")) if isinstance(entity, dict) else subject
        if not isinstance(user_id, str) or not user_id.strip():
            raise Malformed("has no identifier of one dpv:hasDataSubject")
        if not user_id.isascii() and any("\ud800" <= character <= "\udfff" for character in user_id):
            raise Malformed("the identifier of its dpv:hasDataSubject is not valid Unicode")
        return self.file.user_id(self.where, "the identifier of its dpv:hasDataSubject", user_id)

    def _histories(
        self, node: dict[str, Any], purposes: tuple[str, ...], outer: list[dict[str, Any]] | None
    ) -> Iterator[list[_Step]]:
        """The steps of each innermost process with the purpose. What is outside applies inside as well."""
        own = self._purposes(node)
        for name in own:
            self.found.named(name)
        purposes = (*purposes, *own)
        status = get(node, "hasConsentStatus")
        statuses = None if status is None else objects_of(status, self.nodes, "dpv:hasConsentStatus")
        inner = objects_of(get(node, "hasProcess"), self.nodes, "dpv:hasProcess")
        for process in inner:
            yield from self._histories(process, purposes, outer if statuses is None else statuses)
        if inner or term(self.source.purpose) not in purposes:
            return
        if statuses is not None and outer is not None:
            raise Malformed("has a dpv:hasConsentStatus both in a process and around it")
        if not (statuses or outer):
            raise Malformed("has a process without dpv:hasConsentStatus")
        yield self._steps(statuses or outer or [])

    def _purposes(self, process: dict[str, Any]) -> list[str]:
        names: list[Any] = []
        for purpose in listed(get(process, "hasPurpose")):
            if isinstance(purpose, dict):
                full = self.nodes.get(purpose["@id"], purpose) if set(purpose) == {"@id"} else purpose
                own = [*listed(full.get("skos:broader")), *listed(full.get("skos:prefLabel"))]
                types = [each for each in types_of(full) if each != "dpv:Purpose"]
                names += [full.get("@id"), *types, *(text_of(each) for each in own)]
            else:
                names.append(purpose)
        return [term(name) for name in names if isinstance(name, str)]

    def _steps(self, statuses: list[dict[str, Any]]) -> list[_Step]:
        """The steps in order. At one instant the worst state is last; of grants, the one that ends first."""
        steps = []
        for status in statuses:
            state = self._state(status)
            at = self._time(get(status, "isIndicatedAtTime"), "dpv:isIndicatedAtTime", state == GRANTED)
            if at is None and state is not None:
                raise Malformed("has a consent status without dpv:isIndicatedAtTime")
            if at is not None and self.file.known_at(at) <= self.file.as_of:
                steps.append(_Step(at, state, self._until(status, at) if state == GRANTED else None))
        steps.sort(key=lambda step: step.until or _NEVER, reverse=True)
        return sorted(steps, key=lambda step: (step.at, -1 if step.state is None else step.state))

    def _state(self, status: dict[str, Any]) -> int | None:
        types = types_of(status)
        unknown = [each for each in types if each not in _STATUSES and each not in _KINDS | _NO_DECISION]
        if unknown:
            raise Malformed(
                f"has the consent status {quoted(unknown[0])}; expected one of DPV's, as ConsentGiven"
            )
        named = [each for each in types if each in _STATUSES]
        if len(named) != 1:
            raise Malformed("has a consent status whose @type names no or several of DPV's states")
        state = _STATUSES[named[0]]
        return UNDECIDED if state == GRANTED and _NO_DECISION.intersection(types) else state

    def _until(self, status: dict[str, Any], at: dt.datetime) -> dt.datetime | None:
        """The end of the consent, None if it has none."""
        duration = get(status, "hasDuration")
        if duration is None:
            return None
        (node,) = listed(duration) if len(listed(duration)) == 1 else (None,)
        types = types_of(node) if isinstance(node, dict) else []
        text = text_of(node)
        if types == ["dpv:EndlessDuration"]:
            return None
        if types == ["dpv:UntilTimeDuration"]:
            return self._time(text, "the end of a dpv:UntilTimeDuration")
        if types in ([], ["dpv:TemporalDuration"], ["dpv:Duration"]) and text:
            try:
                return later(at, isodate.parse_duration(text))
            except (isodate.ISO8601Error, ArithmeticError, ValueError):
                raise Malformed("has a dpv:hasDuration that is no ISO 8601 duration") from None
        named = quoted(types[0]) if types else "without a type"
        raise Malformed(f"has a dpv:hasDuration {named} without a known end")

    def _time(self, value: Any, name: str, late: bool = False) -> dt.datetime | None:
        return None if value is None else self.file.instant(self.where, name, text_of(value), late)


def _combined(histories: list[list[_Step]]) -> Iterator[tuple[int, _Step]]:
    """(state, step) of several processes at each instant when one of them changes: the worst state of all.

    A process is undecided before its first decision. A joint grant ends with the first grant that ends.
    """
    now: list[_Step] = [_Step(_EVER, UNDECIDED)] * len(histories)
    for at in sorted({step.at for steps in histories for step in steps if step.state is not None}):
        for which, steps in enumerate(histories):
            now[which] = next((s for s in reversed(steps) if s.state is not None and s.at <= at), now[which])
        state = max(step.state_at(at) or GRANTED for step in now)
        ends = [step.until for step in now if step.until and step.until > at]
        yield state, _Step(at, state, min(ends, default=None) if state == GRANTED else None)
