"""Tests of the reading stage and of what a version keeps of it."""
