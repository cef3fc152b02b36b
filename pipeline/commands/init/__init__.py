"""`chatsieve init`: from logs and answers to a configuration that runs.

In: paths of logs, and an `Asker`, which has the answers of the command line or asks for them. Out: a
configuration, a key and, if there is no consent yet, a file for it. Read `flow.py` first: it has the
questions in order. `proposal.py` finds what inspection leaves open and fills it in, `checks.py` checks
answers, `document.py` makes the text of the configuration, and `files.py` writes all files or none.
"""
