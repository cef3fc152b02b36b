"""State of facts: what a version keeps of its reading, so that the next run opens only new and changed files.

In: the facts, quarantined records, names and counts of each unit that was read. Out: files of
`restricted/state/`, and from them again everything that reading the units would give. Nothing in them is
text, a path or a raw id. Start with `known.py`: what of a version's state a run uses.
"""
