"""What each command does: one module per command, without argument parsing and printing.

In: checked arguments and `Settings`. Out: plain documents (dicts and lists) that `pipeline.cli` prints, or a
committed dataset. `commit.py`, `compare_policies.py` (several policies in one audit) and `explain_session.py`
are parts of run, audit and explain. Read `run.py` first.
"""
