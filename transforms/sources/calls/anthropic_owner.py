"""The user of a call of the Anthropic Messages API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from transforms.sources.decode import present
from transforms.sources.faults import Fault, bad_field
from transforms.sources.json.once import decoded_once

#: The form of `metadata.user_id` that Claude Code sends.
_CODE_USER = re.compile(r"user_(?P<device>[0-9a-f]+)_account_(?P<account>[0-9a-f-]*)_session_")


def user_of(metadata: Any) -> str | None:
    """The user id in the metadata of a request, None if there is none; raises Fault.

    Claude Code sends account, device and session in one text: the account is used, else the device.
    """
    if not isinstance(metadata, dict | None):
        raise bad_field("request.metadata", metadata)
    try:
        named = present_text(metadata, "user_id") if metadata else None
    except Fault as fault:
        raise fault.within("request.metadata") from None
    if named is None:
        return None
    if named.startswith("user_") and (found := _CODE_USER.match(named)):
        return found["account"] or found["device"]
    if named.startswith("{"):
        try:
            parts = decoded_once(named, "request.metadata.user_id")
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return named
        return _text(parts, "account_uuid") or _text(parts, "device_id") or named
    return named


def _text(parts: Mapping[str, Any], name: str) -> str | None:
    try:
        return present_text(parts, name)
    except Fault as fault:
        raise fault.within("request.metadata.user_id") from None


def present_text(holder: Mapping[str, Any], name: str) -> str | None:
    """The text of a field, None if it is missing or blank; raises Fault for another type."""
    value = holder.get(name)
    if value is not None and not isinstance(value, str):
        raise bad_field(name, value)
    return present(value) if value is not None and not value.strip() else value
