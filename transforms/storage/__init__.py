"""Storage: the only way to output files.

In: names, relative and with slashes, and bytes. Out: whole objects. There is no rename, no append and no
directory. Read `contract.py` first: it is what every store promises; `local.py` keeps objects as files.
"""
