"""The small model: tokens of texts in, people and addresses with scores out; numpy only.

Read `tagger.py` first, and README.md, the model card. The weights are trained by `transforms/training`.
"""
