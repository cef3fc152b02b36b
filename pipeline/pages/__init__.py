"""HTML pages: report.html and the pages of `chatsieve diff` and `chatsieve history`.

In: the document of report.json, `diff` or `history`. Out: one self-contained HTML file that loads nothing.
Read `report.py` first: it fills `templates/report.html.j2`. `page.py` renders any template. `charts.py` has
the rows of the charts, `report_summary.py` the sentences at the top.
"""
