"""`chatsieve doctor`: all that keeps a run from starting, found before it, and nothing changed.

In: a configuration. Out: findings, each one line with its cure. Read `examine.py` first: it has the table of
checks and runs them. `settings.py` loads a configuration that may have faults; `findings.py` has what a check
gives; each other file has the checks of one subject.
"""
