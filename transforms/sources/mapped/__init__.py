"""Own schemas: sessions from records whose fields are named in the configuration (`inputs[].fields`).

In: JSON Lines, JSON arrays or Parquet, and FieldsConfig. Out: one session per record, or per group of records
with one id. Read `source.py` first, then `records.py`, which makes the session of a record. `items.py` finds
the records of a file, `groups.py` puts single messages together.
"""
