"""The canonical format (docs/reference/data-model.md): a session per line of JSON Lines or row of Parquet.

In: canonical files. Out: facts, sessions, quarantine entries. Read `source.py` first. `lines.py` reads JSON
Lines; `parquet.py` reads Parquet, by column where it can (`column_facts.py`), else row by row
(`parquet_records.py`). `table.py` writes canonical Parquet.
"""
