"""Generators of the reference pages in docs/reference.

In: models, schemas and tables of the program. Out: the text of a Markdown page. `make reference` writes the
pages and a test compares them, so a page is never edited by hand. Read `pages.py` first: it lists each page
with the function that makes it. `markdown.py` has tables and inline code.
"""
