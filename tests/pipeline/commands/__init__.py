"""Tests of commands without their command line."""
