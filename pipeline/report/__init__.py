"""report.json: what a run or audit decided, in numbers.

In: the catalog, which is the list of files and counts that the graph wrote. Out: a `schemas.report.Report`,
in full (`full.py`) or with small counts suppressed (`shareable.py`). A new figure is counted by a stage,
added to `schemas.report`, and filled in by `full.py`, which is the file to read first.
"""
