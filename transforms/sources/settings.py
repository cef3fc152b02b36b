"""The settings of an input that its records are read by."""

from __future__ import annotations

import dataclasses

from transforms.sources.base import ReadContext

#: Fields of ReadContext that change owners, limits, names and what is read, but no text that is read.
_OTHERS = frozenset(
    {"hasher", "limits", "defaults", "only", "metadata_only", "accounting", "identities", "roots"}
)


def reading_settings(context: ReadContext, input_number: int) -> str:
    """All settings of an input that a text can depend on besides the format; equal only if they are.

    A field that is added to ReadContext counts, unless it is listed above.
    """
    counted = [field.name for field in dataclasses.fields(context) if field.name not in _OTHERS]
    values = {name: getattr(context, name) for name in counted}
    return repr({name: value[input_number] if value else None for name, value in values.items()})
