"""Watching of a command from outside: a JSON log, a Prometheus text file, OpenTelemetry traces and metrics.

In: what a command reports of itself to a `Watch` (events, stages, the committed report). Out: lines on
standard error, the metrics file, and requests to a collector. Nothing here can fail a command, and nothing
that is written or sent has a raw id, a text or an unmasked name of a file. Read `watch.py` first; the events
are in `schemas/telemetry/events.py`, the metrics in `schemas/telemetry/metrics.py`.
"""
