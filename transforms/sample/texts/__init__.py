"""Generates texts with labelled spans of personal data: chats, documents, tool output and code.

In: a seed and the templates in `templates/`. Out: texts with the true spans and entity types. Start with
`fill.py`; `slots.py` maps the slots of a template to values.
"""
