"""Check of the de-identification: models, user classes, and an engine that masks a sentence."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from pipeline.commands.doctor.findings import Told, fault, of_error, warning
from pipeline.inputs.config import Settings
from schemas.errors import ChatsieveError
from transforms.deid.digests import deid_digests
from transforms.deid.spans import Segment, SessionText
from transforms.shuffle.guard import describe

_ADDRESS = "priya.raghunathan@example.com"
_SENTENCE = f"Please write to {_ADDRESS} as soon as the report about the garden is finished."


def masking(settings: Settings) -> Iterator[Told]:
    """Models are there and are the pinned ones; Presidio's engine is built and masks an address."""
    try:
        deid_digests(settings.deid)
        from transforms.deid.engine import DeidEngine

        engine = DeidEngine(settings.deid, secrets.token_bytes(32))
        engine.load_models()
        masked = engine.mask_sessions([SessionText(bytes(16), [Segment(_SENTENCE, "user")])])[0]
    except (ChatsieveError, OSError) as error:
        yield from of_error(error)
        return
    except Exception as error:  # noqa: BLE001 - of models and classes of the user
        yield fault(f"{describe('deid: the engine failed on a test sentence', error)}; check its classes")
        return
    kept = settings.deid.operators.get("EMAIL_ADDRESS")
    is_kept = kept is not None and kept.operator == "keep"
    if not masked.refusal and not is_kept and _ADDRESS in masked.texts[0]:
        yield warning(
            "deid: an e-mail address in a test sentence was not masked; check thresholds and operators"
        )
