"""Tests on servers that the tests start: object stores, other runners. `make test-cluster` runs them."""
