"""Reads input files into facts: what a decision needs of each session, without its text.

In: paths of log files and their format. Out: facts by user bucket, quarantined records, and catalog entries.
Start with `stage.py`; the formats themselves are in `transforms/sources`.
"""
