"""What the data is: Arrow schemas, records, configuration models, the report, the manifest, errors.

Every other package imports from here; nothing here imports Beam, and only `strict_yaml` and the loaders on
top of it (`policy`, `deid`) read files. Read `tables.py` first: it lists the tables between the stages in the
order of the flow. Then `decisions.py` (decisions, reasons, rules) and `config.py` (the configuration file).
"""
