"""Generators of the reference pages in docs/reference.

In: models, schemas and tables of the program. Out: the text of a Markdown page. `make reference` writes the
pages and a test compares them, so a page is never edited by hand. Read `pages.py` first: it lists each page
with the function that makes it. A page of files: `files.py`, with meanings of columns in `files_read.py`,
`files_written.py`, `state_files.py` and `documents.py`. `markdown.py` has tables and inline code.
"""
