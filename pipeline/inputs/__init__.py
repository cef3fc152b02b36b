"""The configuration, and everything that is found and checked before the graph runs.

In: the path of a configuration file, and values from the command line. Out: `Settings` (`config.py`) and
`Inputs` (`find_inputs.py`): reading tasks, consent, deletions, authorisations. An error here means that
nothing was written. Read `config.py` first.
"""
