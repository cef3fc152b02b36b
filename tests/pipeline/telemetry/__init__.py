"""Tests of the JSON log, the metrics file, OpenTelemetry, and of the rules and panels that use them."""
