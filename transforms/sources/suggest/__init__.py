"""Proposals for own schemas: from the first records of files to the fields that a user would configure.

In: files of JSON or Parquet. Out: paths of ids, roles, texts, times and tiers, and what is left open. No
value of the data goes out except known words for roles, tiers and surfaces. Read `proposal.py` first;
`profile.py` counts what is at each path, `words.py` has the names and words that are known.
"""
