"""Training of the small model, in a clone only. Input: synthetic and public texts. Output: weights and gate.

Read `train.py` first. `teachers.py` labels public texts, `examples.py` encodes texts, `network.py` is the
trainable network, and `gate.py` trains the gate.
"""
