"""Logs of model calls, where each call repeats the history before it: Anthropic Messages API, OpenTelemetry.

In: JSON or YAML files of calls or spans. Out: one session per call; ids are digests of the content, so copies
of a message in later calls have the same id. Read `model_calls.py` first, then `anthropic.py` or `otel.py`.
`*_columns.py` read the same records by column, for facts only.
"""
