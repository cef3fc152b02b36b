"""Runs the Beam graph in local processes, and shows progress.

In: a `RunPlan`. Out: the catalog of each policy, which lists the files and counts that the stages wrote. Read
`run_graph.py` first.
"""
