"""JSON files: lines, arrays and single objects, read with bounded memory and despite damage.

In: a file or a stream of bytes. Out: the bytes of each item, or items decoded to a type. Read `items.py`
first; `array.py` finds the elements of an array one by one, `array_blocks.py` many at a time.
"""
