"""A worker process of the direct runner: Beam's own, but silent, and never outliving its parent.

Beam's worker logs to standard error what it does and, when it fails, what with. What failed reaches the
parent by the control channel, as class and place.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time

from pipeline.runners.beam_loading import load_beam

_CHECK_SECONDS = 0.5


def main() -> None:
    """Runs the worker until its parent, whose process id is its argument, says so or is gone."""
    logging.disable(logging.CRITICAL)
    threading.Thread(target=_end_with_parent, args=(int(sys.argv[1]),), daemon=True).start()
    load_beam("apache_beam.runners.worker.sdk_worker_main")
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)


def _end_with_parent(parent: int) -> None:
    """A run that was killed must not write on: its folder may be another run's by then."""
    while os.getppid() == parent:
        time.sleep(_CHECK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
