"""Beam is loaded without modules that this program does not use; they can still be imported later."""

from __future__ import annotations

import subprocess
import sys

_CHECK = """
import sys
from pipeline.runners.process import load_beam
load_beam("apache_beam.runners.worker.sdk_worker_main")
import transforms.decide.stage, transforms.output.stage, pyarrow as pa, numpy as np
pa.array(np.arange(3))
print(sorted({"pandas", "pymongo"} & sys.modules.keys()))
import pandas
print(pandas.DataFrame({"a": [1, 2]})["a"].sum(), pa.table({"a": [1, 2]}).to_pandas()["a"].sum())
"""


def test_a_worker_begins_without_pandas_and_can_have_it_later() -> None:
    """Recognizers of a user's own run in workers and may need it; all others need not wait for it."""
    done = subprocess.run([sys.executable, "-c", _CHECK], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "3 3"]
