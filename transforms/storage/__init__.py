"""Storage: the only way to files, on local disk and in buckets.

In: paths and URLs, or names below one of them, and bytes. Out: whole objects. There is no rename, no append
and no directory. Read `contract.py` first: it is what every store promises. `places.py` finds the store of a
path; `local.py` keeps objects as files, `objects/` in buckets of S3 and of Google Cloud Storage.
"""
