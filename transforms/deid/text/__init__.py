"""Operations on texts without knowledge of entity types: arrays of code points, words and lines; languages;
plain copies of disguised text; overlapping spans; repeated values.

Texts or spans in, arrays or spans out. Read `texts.py` first.
"""
