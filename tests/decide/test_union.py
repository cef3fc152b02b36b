"""Which sessions may have a message twice: those that do are never missed."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.shuffle.repeats import repeats

#: Sessions with few and many messages. There are few distinct numbers, so many occur twice.
SESSIONS = st.lists(st.lists(st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1), max_size=12), max_size=6)


@given(SESSIONS)
def test_every_session_with_a_number_twice_is_named(sessions: list[list[int]]) -> None:
    """Small and big ones are looked through in different ways, and a copy that is missed counts twice."""
    group = np.repeat(np.arange(len(sessions)), [len(numbers) for numbers in sessions])
    numbers = np.array([number for session in sessions for number in session], np.int64)
    twice = [place for place, each in enumerate(sessions) if len(set(each)) < len(each)]
    assert repeats(group, numbers).tolist() == twice
