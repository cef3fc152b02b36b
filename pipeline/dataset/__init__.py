"""Datasets on disk: immutable versions behind the catalog CURRENT.

In: the files of a new version and its manifest. Out: a committed version, or an unchanged dataset if the run
fails. Read `writer.py` first (claim, commit, roll back), then `change.py` (the one conditional put that makes
a change count), `committed.py` (reads a version) and `erasures.py` (certificates and erased keys).
"""
