"""Presidio's own pattern recognizers, as the residual check uses them. Importing Presidio takes a second."""

from __future__ import annotations

import functools

from presidio_analyzer import EntityRecognizer
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    PhoneRecognizer,
    UsSsnRecognizer,
)

from transforms.deid.rules.contact import top_level_domains


@functools.cache
def stock_recognizer(kind: str) -> EntityRecognizer:
    """The recognizer of an entity type."""
    return {
        "EMAIL_ADDRESS": _OfflineEmail,
        "CREDIT_CARD": CreditCardRecognizer,
        "IBAN_CODE": IbanRecognizer,
        "US_SSN": UsSsnRecognizer,
        "PHONE_NUMBER": functools.partial(PhoneRecognizer, supported_regions=("US", "GB")),
    }[kind]()


class _OfflineEmail(EmailRecognizer):  # type: ignore[misc]
    """Presidio's e-mail recognizer, without downloading the list of domains."""

    def validate_result(self, pattern_text: str) -> bool:
        """True for a mailbox under a public or reserved top-level domain."""
        return pattern_text.rsplit(".", 1)[-1].lower() in top_level_domains()
