"""Consent systems' own records, and the way from them to rows of consent: one file a format."""

from __future__ import annotations

from transforms.consent.systems.read import History, read_history

__all__ = ["History", "read_history"]
