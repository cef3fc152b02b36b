"""The output folder: claimed and filled by one run, and read again by other commands.

In: staged files and a manifest. Out: a committed dataset, or an unchanged folder if the run fails. Read
`output_folder.py` first (claim, commit, roll back), then `committed.py` (manifest and ledger of a committed
dataset).
"""
