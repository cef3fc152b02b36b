"""The report as data: what report.json has.

In: nothing. Out: the classes that pipeline/report fills, pipeline/pages shows and `chatsieve verify` reads.
Read `document.py` first: the whole report; the other files have its parts.
"""
