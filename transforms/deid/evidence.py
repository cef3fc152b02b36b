"""The scores of spans, by kind of evidence.

A score is compared with the threshold of its entity type, and of two spans that overlap it decides the type.
What two detectors agree on keeps the higher score.
"""

from __future__ import annotations

#: A form with one meaning that passes a check: check digits, a provider's prefix, a registered domain.
PROVEN = 0.95
#: Correct check digits, or a form with one meaning: `scheme://user:password@`.
CHECKED = 0.9
#: A form that little else has, or a full name of which both parts are on the lists.
FORM = 0.85
#: A word for the value stands directly beside it: an option, an identity card, a field of a record.
STATED = 0.8
#: A context for this kind of value, and a value that is like one: a name from the lists, a random password.
FITTING = 0.75
#: As `FITTING`, in a context that also has other meanings, which the lists settle.
LISTED_IN_CONTEXT = 0.72
#: A context, and a value that could be something else.
LIKELY = 0.7
#: A form alone, or a context that often has other meanings.
POSSIBLE = 0.65
#: A single word from the lists, or a number without a context: enough for the types with low thresholds.
WEAK = 0.6
#: The language model alone, for a single word that is on no list.
UNSURE = 0.5
