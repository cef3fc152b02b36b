"""Surrogates: a session's spans in, the text that replaces each span out.

Read `surrogates.py` first. `person_index.py` decides which mentions are one person, `realistic_values.py`
makes up values, `forms.py` selects the form that keeps JSON and code valid.
"""
