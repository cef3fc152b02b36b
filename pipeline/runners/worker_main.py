"""A worker process that a run or a worker pool starts: Beam's own, without output, ended with its parent.

Beam's worker prints a traceback, which may hold data, when a step fails. The parent gets the class and place
of the failure over Beam's control channel.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from pipeline.runners.process import load_beam, prepare_process

_CHECK_SECONDS = 0.5


def main() -> None:
    """Runs the worker until the parent closes the connection or is gone; the argument is its process id."""
    prepare_process()
    threading.Thread(target=_end_with_parent, args=(int(sys.argv[1]),), daemon=True).start()
    load_beam("apache_beam.runners.worker.sdk_worker_main")
    from apache_beam.runners.worker import sdk_worker_main

    _use_relay()
    # Until here, standard error is read by the parent, which quotes its last line if this process ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sdk_worker_main.main(sys.argv)


def _use_relay() -> None:
    """Connects to the relay, if there is one, whatever address the runner gives: it is in another network."""
    from pipeline.runners.worker_pool import RELAY

    relay = os.environ.get(RELAY)
    if relay is None:
        return
    from apache_beam.runners.worker.channel_factory import GRPCChannelFactory

    connect = GRPCChannelFactory.insecure_channel
    GRPCChannelFactory.insecure_channel = staticmethod(lambda _, options=None: connect(relay, options))


def _end_with_parent(parent: int) -> None:
    """Ends this process when the parent is gone, however that ended: another run may use its folder next."""
    while os.getppid() == parent:
        time.sleep(_CHECK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
