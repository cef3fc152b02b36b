"""Reads consent: snapshots, deletion lists, authorizations, and the records of consent systems.

In: files of consent in their own formats. Out: tables of user keys, states and instants (CONSENT, DELETIONS,
AUTHORIZATIONS), and `Timelines`, which answer what state a user had at an instant. Start with `snapshots.py`
for files and `timelines.py` for the answer; `systems/` reads Fides, ISO/IEC TS 27560 and Segment.
"""
