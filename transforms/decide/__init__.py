"""Decides which sessions are eligible for training, with one reason each.

In: the facts, consent and deletions of one user bucket. Out: one decision a session, with pointers to the
messages that an eligible session keeps; then, by conversation key, the settled decisions. Start with
`rules.py`, which applies the rules of docs/reference/policy.md in order. `merge.py` and `union.py` combine
the records of a session, `branches.py` and `kept_messages.py` choose its messages, `settle.py` applies what
concerns several users.
"""
