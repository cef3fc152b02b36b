"""What travels between stages, and the column functions that several stages need.

In: Arrow tables of one stage. Out: blobs (tables as bytes) by bucket or key range, catalog entries, staged
files. Start with `blobs.py` and `buckets.py`; `spill.py` moves blobs to disk. `instants.py`,
`dictionaries.py`, `digests.py` and `key_order.py` work on columns.
"""
