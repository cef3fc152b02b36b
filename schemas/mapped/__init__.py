"""Own schemas in the configuration: `fields.py` has the models, `paths.py` the paths of fields in records."""
