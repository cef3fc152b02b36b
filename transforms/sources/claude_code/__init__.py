"""Claude Code session files: one JSON object a line, linked by `uuid` and `parentUuid`.

In: the files of a project folder. Out: one session per conversation, which is a connected component over the
links of all files that share an id. Read `source.py` first; then `lines.py` (one line to a record),
`records.py` (files to records), `sessions.py` (records to sessions) and `turns.py` (order within a session).
"""
