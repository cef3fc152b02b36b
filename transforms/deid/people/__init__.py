"""People and addresses: sessions' texts in, spans of PERSON, ADDRESS and USERNAME out.

Read `names.py` first: it combines the name lists (`listed_names.py`), phrases (`name_phrases.py`), the small
model and spaCy. `reading.py` holds the words and lines that all of them use.
"""
