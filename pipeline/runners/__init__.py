"""Runs the Beam graph in local processes, and shows progress.

In: a `RunPlan`. Out: the catalog of each policy, which lists the files and counts that the stages wrote. Read
`run_graph.py` first. To add a runner: its name in `RunnerConfig` of `schemas/config.py`, its module here, its
choice in `run_graph.py`.
"""
