"""De-identification: texts of a session in, masked texts out, or a reason to refuse the session.

`stage.py` is the Beam stage; `engine.py` masks sessions, so read that first. `session_spans.py` finds spans
with `rules/` (patterns), `people/` (names and addresses) and `model/` (the small model), over arrays from
`text/`; `masking/` replaces them; `residual.py` checks the result. Every result is a function of session,
config and key.
"""
