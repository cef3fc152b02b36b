"""The arithmetic of the plan: what is computed from measured costs, without measuring."""
