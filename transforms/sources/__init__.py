"""Source formats: from the files of logs to sessions and facts.

In: the files of an input and the name of their format. Out: facts (one row per session, what a decision
needs), sessions (messages with their texts) and quarantine entries for records that cannot be read.
Read `base.py` first: it defines what a source offers. A new built-in format is a file in the folder of its
family, and needs its name in `schemas/formats.py`, its source in `registry.py` and its detection in
`recognize.py`. Own schemas need no code (`mapped/`). `record_file.py` is the short way for formats of other
packages. The families share `json/` and `facts/`.
"""
