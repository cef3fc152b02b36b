"""Tests on servers that they start: object stores, other Beam runners. `make test-cluster` runs them."""
