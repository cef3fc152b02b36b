"""Reads consent events from Segment archives: one event per line, or an array; other events are allowed.

Source: "Consent in Unify" in Segment's documentation. Only the event for changed preferences is a decision.
The consent object in other events is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from schemas.consent_config import SegmentSource
from schemas.tables import GRANTED, REFUSED
from transforms.consent.columns import parse_instant, quoted
from transforms.consent.systems.base import ConsentDecision, ConsentFile, FileContents
from transforms.consent.systems.json_records import Record, decode, json_records

#: The name of the event, now and before 2024.
_EVENTS = ("Segment Consent Preference Updated", "Segment Consent Preference")


class _Any(msgspec.Struct, rename="camel"):
    """Any event. The field types of other events are not checked."""

    event: Any = None
    timestamp: Any = None
    received_at: Any = None


class _Consent(msgspec.Struct, rename="camel"):
    category_preferences: dict[str, Any] | None = None


class _Context(msgspec.Struct):
    consent: _Consent | None = None


class _Updated(msgspec.Struct, rename="camel"):
    user_id: str | None = None
    context: _Context | None = None


_ANY = msgspec.json.Decoder(_Any)
_UPDATED = msgspec.json.Decoder(_Updated)
_ONCE = ("userId", "context", "consent", "categoryPreferences")


def read_segment(file: ConsentFile, source: SegmentSource, found: FileContents) -> Iterator[ConsentDecision]:
    """The decisions about the configured category, in the order of the file."""
    for record in json_records(file.path, file.states):
        event = decode(file.path, record, _ANY, "event", "timestamp", "receivedAt")
        if event.event not in _EVENTS:
            received = parse_instant(_text(event.received_at) or "")
            if received and file.known_at(received) <= file.as_of:
                found.reach(file.known_at(received))
            continue
        at = _text(event.timestamp) or _text(event.received_at)
        known_at = file.known_at(file.instant(record.where, "receivedAt", _text(event.received_at) or at))
        if known_at > file.as_of:
            continue
        found.reach(known_at)
        decided_at = file.instant(record.where, "timestamp", at)
        if decided := _state(file, source, record, found):
            yield ConsentDecision(*decided, decided_at, known_at)


def _state(
    file: ConsentFile, source: SegmentSource, record: Record, found: FileContents
) -> tuple[str, int] | None:
    """(user id, state number of schemas.tables); None for an event without a user that may be skipped."""
    updated = decode(file.path, record, _UPDATED, *_ONCE, source.category)
    consent = updated.context.consent if updated.context else None
    if consent is None or consent.category_preferences is None:
        raise file.fault(record.where, "has no context.consent.categoryPreferences")
    preferences = consent.category_preferences
    for name in preferences:
        found.named(name)
    found.matched |= source.category in preferences
    # Segment treats a category that is missing from an update as false.
    value = preferences.get(source.category, False)
    if not isinstance(value, bool):
        raise file.fault(
            record.where, f"the category {source.category} is {quoted(value)}; expected true or false"
        )
    if updated.user_id is not None and updated.user_id.strip():
        return file.user_id(record.where, "userId", updated.user_id), GRANTED if value else REFUSED
    if source.without_user == "refuse":
        raise file.fault(record.where, "has no userId; `without_user: skip` leaves such events out")
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
