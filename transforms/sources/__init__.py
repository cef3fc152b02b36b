"""Source formats: from the files of logs to sessions and facts.

In: the files of an input and the name of their format. Out: facts (one row per session, what a decision
needs), sessions (messages with their texts) and quarantine entries for records that cannot be read.
`registry.py` maps a format's name to its source; read `base.py` first: it defines what a source offers.
`record_file.py` is the short way to add a format. One folder per family of formats; `json/` and `facts/` are
shared by them.
"""
