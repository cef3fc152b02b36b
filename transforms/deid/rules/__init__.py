"""Pattern rules: joined texts in, spans of identifiers and secrets out.

Read `rule.py` for what a rule is, then `scanner.py`, which runs all rules of `catalogue.py`. To mask a new
kind of identifier, add a rule to the file of its family (`contact.py`, `identifiers.py`, `government.py`,
...). A new entity type also needs its name in `FAMILIES` of `transforms/deid/presidio.py` and a threshold in
`configs/deid/default.yaml`; CONTRIBUTING.md lists all steps.
"""
