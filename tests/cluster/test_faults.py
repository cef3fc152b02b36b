"""A sample of the faults of requests: everything around a commit, and some of the rest."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cluster.buckets import SERVERS
from tests.support.command import ROOT

pytestmark = pytest.mark.cluster


_SAMPLES = {
    "around a commit": ("--commands", "gc", "--commit", "--points", "20"),
    "anywhere": ("--commands", "run,forget", "--points", "40"),
}


@pytest.mark.parametrize("sample", _SAMPLES)
@pytest.mark.parametrize("kind", sorted(SERVERS))
def test_a_sample_of_the_faults_in_a_bucket_is_survived(kind: str, sample: str) -> None:
    """A lost answer, a late write or a killed command must not cost a dataset."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.prove.faults", "--store", kind]
    done = subprocess.run(
        [*command, *_SAMPLES[sample]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-500:]
    assert " 0 not survived" in done.stdout
