"""Runs the Beam graph on the runner of the configuration, and shows progress.

In: a `RunPlan`. Out: the catalog of each policy, which lists the files and counts that the stages wrote. Read
`run_graph.py` first. Each kind of runner is one module with `run(config, arguments, plan, progress)`:
`direct.py`, `prism.py`, `portable.py`, `cluster.py` (Flink, Spark), `dataflow.py`. `job.py` waits for a job.
To add a runner: its model in `schemas/runners.py`, its module here, its choice in `run_graph.py`.
"""
