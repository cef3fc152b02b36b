"""Generates the synthetic corpus: sessions whose decision is known by construction.

In: a number of sessions and a seed. Out: session records, consent histories, and the truth about each session.
Start with `corpus.py`; `scenarios.py` lists the kinds of sessions, `texts/` generates texts for the small model.
"""
