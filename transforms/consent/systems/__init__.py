"""Reads the records of consent systems: Fides, ISO/IEC TS 27560 and Segment, one module a format.

In: files as the system exports them. Out: spilled consent rows and the instants up to which the source is
complete. Start with `read.py`; `base.py` has what every format reader gets and returns.
"""
