"""Tests on servers that the test itself starts: object stores, other Beam runners. `make test-cluster` runs them."""
