"""A process that has imported the program and forks itself for each command; tests start one, see `command`.

A command runs in a process of its own, with its own arguments, environment, folder and signals. Only imports
and the loading of models are saved: Beam, Presidio, spaCy and the pattern database take five seconds of
processor time. The server runs no command and starts no thread, so each fork has the same state.
"""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from pipeline.cli.main import main
from pipeline.runners.process import load_beam
from tests.support import opened_files
from tests.support.command import COMMAND, OPENED_OUTSIDE

MAX_REQUEST_BYTES = 1 << 17


def preload() -> None:
    """Imports what runs and audits import, and loads the models of the shipped configuration."""
    load_beam()
    load_beam("apache_beam.runners.worker.sdk_worker_main")
    from apache_beam.transforms import userstate

    import pipeline.cli.terminal.summary
    import pipeline.commands.compare_policies
    import pipeline.commands.explain
    import pipeline.commands.run
    import pipeline.commands.scrub
    import pipeline.commands.verify
    import pipeline.runners.direct  # noqa: F401 - imported for the commands
    from pipeline.inputs.config import DEFAULT_DEID
    from schemas.deid import DeidConfig
    from schemas.strict_yaml import load_model
    from transforms.deid import engine

    # An engine depends on the key, the models do not: each engine of a forked command reuses them.
    for name in ("PatternScanner", "LineSigns", "shipped_tagger"):
        setattr(engine, name, _made_once(getattr(engine, name)))
    userstate.get_dofn_specs = _once_a_class(userstate.get_dofn_specs)
    engine.DeidEngine.__init__.__defaults__ = (_made_once(engine.load_name_model),)
    engine.DeidEngine(load_model(DEFAULT_DEID, DeidConfig), bytes(32)).load_models()


def _made_once(make: Callable[..., Any]) -> Callable[..., Any]:
    """The same, but called once for arguments that are equal; configurations cannot be hashed."""
    made: dict[str, Any] = {}

    @functools.wraps(make)
    def once(*arguments: Any) -> Any:
        key = repr(arguments)
        if key not in made:
            made[key] = make(*arguments)
        return made[key]

    return once


def _once_a_class(find: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same, but called once for objects of one class: a third of the time of a small run."""
    found: dict[type, Any] = {}

    def once(value: Any) -> Any:
        if type(value) not in found:
            found[type(value)] = find(value)
        return found[type(value)]

    return once


def serve(requests: socket.socket) -> bool:
    """Forks for each request; True in the fork, once it is ready to run the command; False at the end.

    A request is one message: JSON with `arguments`, `environment`, `folder` and `umask`, and the descriptors
    of standard input, output and error. The answer is the exit code as `subprocess` has it.
    """
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, MAX_REQUEST_BYTES, 3)
        if not message:
            return False
        with warnings.catch_warnings():
            # The other threads are of OpenBLAS and jemalloc, which both handle a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = os.fork()
        if process == 0:
            requests.close()
            _become(json.loads(message), descriptors)
            return True
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(process, 0)
        requests.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Gives this process what the request names, and takes back what the server had set for itself."""
    for standard, descriptor in enumerate(descriptors):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    os.umask(request["umask"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    time.tzset()
    tempfile.tempdir = None
    sys.argv = [str(COMMAND), *request["arguments"]]
    added = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[0:1] = [str(COMMAND.parent), *added]


def _run() -> None:
    """Runs the command and ends this process, without the half second that taking all modules down lasts."""
    code: Any = 1
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    finally:
        if opened := opened_files.take():
            sys.stderr.write(f"opened outside the clone: {opened}\n")
            code = OPENED_OUTSIDE
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    # An interrupt ends the tests, and their end ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as opened:
        preload()
        opened_files.guard()
        gc.collect()
        gc.freeze()
        opened.send(b"ready")
        ready = serve(opened)
    if ready:
        _run()
