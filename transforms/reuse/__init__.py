"""Rows of the version before, taken over instead of being masked again.

In: the state of that version's rows, and eligible sessions with their text digests. Out: fragments with the
masked texts of the old shards and the columns of the new decisions, as the text pass would write them; for a
sample of the sessions both are compared. Start with `known.py`, then `old_rows.py`.
"""
