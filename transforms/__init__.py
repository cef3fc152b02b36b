"""What happens to the data, one folder a stage: `read`, `consent`, `decide`, `deid` and `output`.

The folders `sources` (log formats), `shuffle` (data between stages) and `sample` (the synthetic corpus) serve
them. A stage's Beam transforms are in its `stage.py`; every other module is pure functions over Arrow tables,
NumPy arrays or plain values. Start with `pipeline/graph.py`, which connects the stages.
"""
