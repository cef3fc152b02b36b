"""Training of the small model, in a clone only: synthetic and public texts in, weights and gate files out.

Read `train.py` first. `teachers.py` labels public texts, `examples.py` encodes texts, `network.py` is the
trainable network, and `gate.py` trains the gate.
"""
