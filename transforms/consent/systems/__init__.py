"""Consent systems' own records, and the way from them to rows of consent: one file a format."""

from __future__ import annotations

from transforms.consent.systems.read import ConsentRecords, read_consent_records

__all__ = ["ConsentRecords", "read_consent_records"]
