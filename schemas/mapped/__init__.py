"""Own schemas in the configuration.

`fields.py` has the models, `paths.py` the paths of fields in records, `placeholders.py` the mark of what a
proposal leaves open.
"""
