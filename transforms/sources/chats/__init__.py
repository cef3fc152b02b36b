"""Chat corpora without a log's metadata: ShareGPT, OpenAI fine-tuning files, WildChat and LMSYS-Chat.

In: JSON Lines or arrays of records with turns, or Parquet rows. Out: one session per record or row. Read
`lists.py` first, or `parquet.py` for the corpora in Parquet. `columns.py` reads lists by column, for facts
only.
"""
