"""Finds the active branch of each thread: the messages from the root to the current message."""

from __future__ import annotations

import dataclasses

import numpy as np

from transforms.decide.union import Messages
from transforms.shuffle.instants import Bools, Ints


@dataclasses.dataclass(frozen=True)
class Branches:
    """Active branches. A run is a thread of a session; its messages are in order from the root.

    `message` has message positions and `run` the run of each, ascending. `run_session` is the session of each
    run. `cyclic` is true for a run without a branch because its parent links form a cycle; it has no messages
    here.
    """

    message: Ints
    run: Ints
    run_session: Ints
    cyclic: Bools

    @property
    def session(self) -> Ints:
        """The session of each message."""
        return self.run_session[self.run]


def main_branches(messages: Messages, current: Ints) -> Branches:
    """The active branch of the main thread of every session; run = session."""
    rows = np.flatnonzero(messages.thread == 0)
    return _branches(messages, rows, messages.session[rows], np.arange(len(current)), current)


def thread_branches(messages: Messages, current: Ints) -> Branches:
    """The active branches of all other threads, those of a session in order of first appearance."""
    rows = np.flatnonzero(messages.thread != 0)
    order = np.lexsort((rows, messages.thread[rows], messages.session[rows]))
    rows = rows[order]
    session, thread = messages.session[rows], messages.thread[rows]
    changed = np.ones(len(rows), np.bool_)
    changed[1:] = (session[1:] != session[:-1]) | (thread[1:] != thread[:-1])
    starts = np.flatnonzero(changed)
    # Messages of a session are adjacent, so sorting by the first message also sorts by session.
    rank = np.empty(len(starts), np.int64)
    rank[np.argsort(rows[starts])] = np.arange(len(starts))
    run = rank[np.cumsum(changed) - 1]
    run_session = np.empty(len(starts), np.int64)
    run_session[rank] = session[starts]
    return _branches(messages, rows, run, run_session, current[run_session])


def _branches(messages: Messages, rows: Ints, run: Ints, run_session: Ints, current: Ints) -> Branches:
    """`rows` are the messages of the runs, in list order; `current` is a message or -1 for each run."""
    linked = np.zeros(len(run_session), np.bool_)
    linked[run[messages.linked[rows]]] = True
    cyclic = np.zeros(len(run_session), np.bool_)
    # Steps from the tip; without links, 0 throughout, and the stable sort keeps list order.
    steps = np.zeros(len(rows), np.int64)
    on_branch = np.ones(len(rows), np.bool_)
    walked = np.flatnonzero(linked[run])
    if len(walked):
        forked = walked[_needs_walk(messages, rows[walked], run[walked], current)]
        steps[forked], cyclic = _steps(messages, rows[forked], run[forked], current)
        on_branch[forked] = (steps[forked] >= 0) & ~cyclic[run[forked]]
        rows, run, steps = rows[on_branch], run[on_branch], steps[on_branch]
    order = np.argsort(run * (steps.max(initial=0) + 1) - steps, kind="stable")
    return Branches(rows[order], run[order], run_session, cyclic)


def _needs_walk(messages: Messages, rows: Ints, run: Ints, current: Ints) -> Bools:
    """False for the messages of a run that is its own branch in list order.

    In such a run the parent of each message is the message before, and the last message is current.
    """
    first = np.append(True, run[1:] != run[:-1])
    before = np.where(first, -1, np.append(-1, rows[:-1]))
    last = rows[np.append(np.flatnonzero(first)[1:], len(rows)) - 1]
    named = current[run[first]]
    straight = np.zeros(len(current), np.bool_)
    straight[run[first]] = (named < 0) | (named == last)
    straight[run[messages.parent[rows] != before]] = False
    return ~straight[run]


def _steps(messages: Messages, rows: Ints, run: Ints, current: Ints) -> tuple[Ints, Bools]:
    """Steps of each row from the tip of its run, -1 off the branch; and for each run whether it is cyclic."""
    runs = len(current)
    run_of = np.full(len(messages) + 1, -1, np.int64)  # the last element answers for parent -1
    run_of[rows] = run
    parent = np.full(len(messages), -1, np.int64)
    parent[rows] = np.where(run_of[messages.parent[rows]] == run, messages.parent[rows], -1)
    occupied = np.zeros(runs, np.bool_)
    occupied[run] = True
    named = (current >= 0) & (run_of[current] == np.arange(runs))
    tip = np.where(named, current, _newest_leaves(messages, rows, run, runs, parent))
    depth, endless = _walk(parent, np.where(occupied, tip, -1))
    return depth[rows], endless | (occupied & (tip < 0))


def _newest_leaves(messages: Messages, rows: Ints, run: Ints, runs: int, parent: Ints) -> Ints:
    """The newest leaf of each run (the last in list order if several are equally new), -1 without a leaf."""
    leaf = np.ones(len(messages), np.bool_)
    leaf[parent[parent >= 0]] = False
    leaves, of = rows[leaf[rows]], run[leaf[rows]]
    order = np.lexsort((leaves, messages.sent_at[leaves], of))
    tips = np.full(runs, -1, np.int64)
    tips[of[order]] = leaves[order]
    return tips


def _walk(parent: Ints, tips: Ints) -> tuple[Ints, Bools]:
    """The number of steps from the tip to each message of its branch, -1 off the branch; and the cyclic runs.

    All runs advance one message per round, so the number of rounds is the length of the longest branch.
    """
    depth = np.full(len(parent), -1, np.int64)
    endless = np.zeros(len(tips), np.bool_)
    run = np.flatnonzero(tips >= 0)
    at = tips[run]
    step = 0
    while len(at):
        depth[at] = step
        at = parent[at]
        again = (at >= 0) & (depth[at] >= 0)
        endless[run[again]] = True
        going = (at >= 0) & ~again
        at, run, step = at[going], run[going], step + 1
    return depth, endless
