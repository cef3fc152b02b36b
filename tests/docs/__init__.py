"""The code blocks of the pages: `blocks.py` reads them, `session.py` runs those of a page in order.

`test_blocks.py` checks every block without running it: its language, its markers, its syntax and its options
of `chatsieve`. `test_pages.py` runs the blocks of each page and compares their output with what the page
shows. `site.py` checks the built site. CONTRIBUTING.md lists the markers.
"""
