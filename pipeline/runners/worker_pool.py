"""A pool that starts one worker process for each request of a job service.

Beam's own pool listens on all network interfaces, needs `python` on PATH, and its workers print what they
log. This one listens where it is told to: on a Unix socket, or on one address.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc, endpoints_pb2
from apache_beam.utils import thread_pool_executor
from google.protobuf import text_format

from pipeline.runners.children import Child, Children
from schemas.errors import PipelineError

#: A variable of worker processes: the address at which they reach the runner, whatever address it names.
RELAY = "CHATSIEVE_RUNNER"


class _Pool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):  # type: ignore[misc]  # Beam is not typed
    def __init__(self, children: Children, relay: str | None) -> None:
        self._children, self._relay = children, relay
        self._started: dict[str, Child] = {}
        self._lock = threading.Lock()

    def StartWorker(self, request: Any, _: Any) -> Any:  # noqa: N802 - Beam's name
        control = endpoints_pb2.ApiServiceDescriptor(url=request.control_endpoint.url)
        variables = {
            "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(control),
            "WORKER_ID": request.worker_id,
        }
        if self._relay:
            variables[RELAY] = self._relay
        try:
            child = self._children.start(variables)
        except PipelineError as error:
            return beam_fn_api_pb2.StartWorkerResponse(error=str(error))
        with self._lock:
            self._started[request.worker_id] = child
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, _: Any) -> Any:  # noqa: N802 - Beam's name
        with self._lock:
            child = self._started.pop(request.worker_id, None)
        if child is not None:
            child.end()
        return beam_fn_api_pb2.StopWorkerResponse()


@contextlib.contextmanager
def worker_pool(address: str, children: Children, relay: str | None = None) -> Iterator[str]:
    """Serves a pool at `address` and gives the address, with the port chosen if it was 0.

    At the end its workers are killed. PipelineError if the address cannot be had. `relay`: the address of the
    runner for the workers, if it is not the one that the runner gives.
    """
    # Without this option a second server could have the same port.
    server = grpc.server(thread_pool_executor.shared_unbounded_instance(), options=[("grpc.so_reuseport", 0)])
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(_Pool(children, relay), server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        port = 0
    if not port:
        raise PipelineError(f"the worker pool cannot listen at {address}; give another address")
    server.start()
    try:
        yield address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"
    finally:
        children.kill()
        server.stop(None)
