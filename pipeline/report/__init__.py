"""report.json: what a run or audit decided, in numbers.

In: the catalog, which is the list of files and counts that the graph wrote. Out: a
`schemas.reports.document.Report`, in full (`full.py`) or with small counts suppressed (`shareable.py`). Read
`full.py` first: it fills in every figure. Most figures are computed from ledger counts, in the file of their
subject (`ledger_counts.py`, `consent.py`, `masking.py`, `shards.py`). To add one, add its field to
`schemas.reports.document` and compute it in that file.
"""
