"""Facts: what a decision needs of each session, as keyed digests, instants and flags, without texts.

In: sessions, one by one or by column. Out: a table with the schema FACTS of `schemas/tables.py`. Read
`table.py` first.
"""
