"""A worker pool for `environment: {type: EXTERNAL}`, on one address: `python -m pipeline.runners.pool_main`.

The argument is the address, such as 127.0.0.1:50000. Whoever can connect to it can start workers for
any job service, and a worker runs the code of its job service. So only a trusted network may reach it.

CHATSIEVE_RUNNER is the address at which workers reach the runner, if the runner gives one that works only on
its own host.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from pipeline.runners.process import load_beam, prepare_process
from schemas.errors import PipelineError


def main() -> None:
    """Serves the pool until SIGINT or SIGTERM; its workers end with it."""
    os.umask(0o027)
    prepare_process()
    if len(sys.argv) != 2 or ":" not in sys.argv[1]:
        sys.exit("expected one argument, HOST:PORT, such as 127.0.0.1:50000")
    load_beam()
    from pipeline.runners.children import Children
    from pipeline.runners.worker_pool import worker_pool

    over = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: over.set())
    try:
        # A worker that ends early is the runner's concern: it ends the job.
        with worker_pool(sys.argv[1], Children(lambda _: None)) as address:
            sys.stdout.write(f"{address}\n")
            sys.stdout.flush()
            over.wait()
    except PipelineError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
