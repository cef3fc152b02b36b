"""Explains one decision: why each rule fires or does not, and what would change the result.

In: the records of one conversation and its consent (`world.py`). Out: a sentence for each rule, a line for
each message, and changes that were tried on the engine. Start with `rule_sentences.py` and `changes.py`.
"""
