"""The user of a call of the Anthropic Messages API."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from transforms.sources.decode import Fault, present

#: The form of `metadata.user_id` that Claude Code sends.
_CODE_USER = re.compile(r"user_(?P<device>[0-9a-f]+)_account_(?P<account>[0-9a-f-]*)_session_")


def user_of(metadata: Any) -> str | None:
    """The user id in the metadata of a request, None if there is none; raises Fault.

    Claude Code sends account, device and session in one text: the account is used, else the device.
    """
    named = present_text(metadata.get("user_id")) if isinstance(metadata, dict) else None
    if named is None:
        return None
    if named.startswith("user_") and (found := _CODE_USER.match(named)):
        return found["account"] or found["device"]
    if named.startswith("{"):
        try:
            parts = msgspec.json.decode(named)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return named
        return present_text(parts.get("account_uuid")) or present_text(parts.get("device_id")) or named
    return named


def present_text(value: Any) -> str | None:
    """The text, None if it is missing or blank; raises Fault for another type."""
    if value is not None and not isinstance(value, str):
        raise Fault("bad_field")
    return present(value) if value is not None and not value.strip() else value
