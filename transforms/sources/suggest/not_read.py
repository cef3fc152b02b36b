"""Fields of an own schema that no configured path reads."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import Any

from schemas.mapped.fields import FieldsConfig
from schemas.mapped.paths import EACH, steps_of, text_of
from transforms.sources.mapped.items import all_steps
from transforms.sources.suggest.candidates import unused
from transforms.sources.suggest.lines import is_name
from transforms.sources.suggest.profile import first_records, profile_of


def fields_not_read(paths: Sequence[str], fields: FieldsConfig) -> dict[str, Any]:
    """How many of the first records have values that no path reads, by field.

    Names that may be data count as `other`.
    """
    records: list[Any] = [*first_records(paths)]
    for step in steps_of(fields.records)[:-1] if fields.records else ():
        records = [each.get(step) for each in records if isinstance(each, dict)]
    if fields.records:
        records = [each for some in records if isinstance(some, list) for each in some]
    counts: collections.Counter[str] = collections.Counter()
    used = {tuple(EACH if isinstance(step, int) else step for step in each) for each in all_steps(fields)}
    for steps, place in unused(profile_of(records), used):
        usual = place.records * 10 >= len(records) and all(map(is_name, steps))
        counts[text_of(steps) if usual else "other"] += place.records
    return {"records": len(records), "fields": dict(sorted(counts.items()))}
