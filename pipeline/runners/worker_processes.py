"""The worker processes of Beam's local runner: one run's, and stopped with it.

They connect to this process over a Unix socket in a private folder. Nothing listens on a network.

Beam waits without limit for the answers of a worker. A process that cannot start, or that is killed, would
leave the run waiting forever.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from apache_beam.runners.portability.fn_api_runner import worker_handlers
from apache_beam.transforms import environments
from google.protobuf import json_format, text_format

from pipeline.runners.children import Child, Children
from pipeline.runners.process import BEAM_THREAD
from pipeline.runners.socket_folder import socket_folder
from pipeline.runners.socket_server import SocketServer
from schemas.errors import PipelineError

_BEAM_SERVER = worker_handlers.GrpcServer
_URN = "chatsieve:env:worker_process:v1"


class WorkerProcesses:
    """Starts worker processes for Beam, and ends the run if one of them ends before the run does.

    `variables`: for the environment of the processes, besides that of this one.
    """

    def __init__(self, variables: Mapping[str, str] = MappingProxyType({})) -> None:
        self._lock = threading.Lock()
        self._over = False
        self._ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self.children = Children(lambda reason: self._ended.put(PipelineError(reason)), variables)
        self._socket = ""
        self._server: SocketServer | None = None
        # Beam makes a handler from the URN of an environment. The handler belongs to this run.
        worker_handlers.WorkerHandler.register_environment(_URN, bytes)(self._handler)
        # Put back after success only: a thread of Beam that goes on after a failure must not make Beam's own.
        worker_handlers.GrpcServer = self._serve

    @property
    def environment(self) -> Any:
        """The Beam environment whose workers are these processes."""
        return _Environment(capabilities=environments.python_sdk_capabilities())

    def run(self, run: Callable[[], object]) -> None:
        """Calls `run`, which runs a pipeline in this environment, and returns when it does.

        Raises what `run` raises, or PipelineError as soon as a worker process fails. No process is left.
        """
        with socket_folder() as self._socket:
            # In a thread of its own: after a failure, Beam's threads go on waiting for the worker.
            threading.Thread(target=self._call, args=(run,), name=BEAM_THREAD, daemon=True).start()
            try:
                error = self._ended.get()
            finally:
                self._kill()
        if error is not None:
            raise error
        worker_handlers.GrpcServer = _BEAM_SERVER

    def _call(self, run: Callable[[], object]) -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._ended.put(error)
        else:
            self._ended.put(None)

    def _kill(self) -> None:
        with self._lock:
            self._over = True
            self.children.kill()
            if self._server is not None:
                self._server.abort()

    def _serve(self, state: Any, _: Any, worker_manager: Any) -> SocketServer:
        with self._lock:
            if self._over:
                raise PipelineError("the run has ended")
            self._server = SocketServer(self._socket, state, worker_manager)
        return self._server

    def _handler(self, _: bytes, state: Any, provision_info: Any, grpc_server: Any) -> _WorkerHandler:
        return _WorkerHandler(self.children, state, provision_info, grpc_server)


class _Environment(environments.Environment):  # type: ignore[misc]  # Beam is not typed
    def to_runner_api_parameter(self, _: Any) -> tuple[str, bytes]:
        return _URN, b""


class _WorkerHandler(worker_handlers.GrpcWorkerHandler):  # type: ignore[misc]  # Beam is not typed
    """One worker process, as Beam's runner uses it."""

    def __init__(self, children: Children, state: Any, provision_info: Any, grpc_server: Any) -> None:
        super().__init__(state, provision_info, grpc_server)
        self._children = children
        self._child: Child | None = None

    def port_from_worker(self, port: str) -> str:
        """The address of a port of SocketServer, which is one already."""
        return port

    def start_worker(self) -> None:
        options = self.provision_info.provision_info.pipeline_options
        control = text_format.MessageToString(self.control_api_service_descriptor())
        self._child = self._children.start(
            {
                "CONTROL_API_SERVICE_DESCRIPTOR": control,
                "PIPELINE_OPTIONS": json_format.MessageToJson(options),
                "WORKER_ID": self.worker_id,
            }
        )

    def close(self) -> None:
        if self._child is not None:
            self._child.expect_end()
        super().close()

    def stop_worker(self) -> None:
        if self._child is not None:
            self._child.join()
