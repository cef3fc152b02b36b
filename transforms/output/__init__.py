"""Writes the results: ledger, quarantine, shards, and the catalog that the commit reads.

In: settled decisions, quarantined records and staged fragments of masked rows. Out: files below the staging
folder, and catalog entries with counts. Start with `stage.py`. `suppression.py` decides which counts of a
shareable report can be published.
"""
