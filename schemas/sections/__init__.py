"""Sections of the configuration files, one file each, with the meaning and an example of every key.

`schemas/config.py` puts them together to the run configuration, `schemas/deid.py` to the de-identification
config. The JSON Schemas in configs/schemas and docs/reference/configuration.md are made from them.
"""
