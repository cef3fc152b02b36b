"""Results printed for a person: one module per command, from the document that --json would print.

Each takes a document (plain dicts and lists) and a `rich` console, and prints tables; no text of a
conversation is in any document. Read `summary.py` first: it prints the result of a run or audit.
"""
