"""Days of a dataset: a seeded history of logs, consent, erasures and faults, each compared with a rebuild.

`python -m tests.prove.days --days 30 --seed 1` simulates a history. In: nothing but the seed. Out: exit code
0, or the differences of a day and the command that repeats them. Read `simulation.py` first: it applies a day
and compares. `history.py` makes the days; `planned.py` has those that every history begins with. `logs.py`
and `people.py` hold the events, `world.py` the sessions and users that they change, `files.py` the bytes of
each format. `mutants.py` has deliberate faults, to try the simulation itself.
"""
