"""The program: command line, configuration, the Beam graph, and what is made of its results.

In: a configuration file and the logs and consent records that it names. Out: a committed dataset with ledger,
report and manifest. Read `graph.py` first: it shows all stages of a run. Then `commands/run.py`, which finds
the inputs, runs the graph and commits.
"""
