"""Fixtures of the end-to-end tests. One browser for all files: a process cannot start Playwright twice."""

from __future__ import annotations

from tests.support.browsers import browser

__all__ = ["browser"]
