"""The server between Beam's runner and its worker processes, on a Unix socket.

Beam's own server listens on every network interface, without authentication, and serves any file of the user
as an artifact. This one has only the services that the workers use: control, data and state.
"""

from __future__ import annotations

from typing import Any

import grpc
from apache_beam.portability.api import beam_fn_api_pb2_grpc
from apache_beam.runners.portability.fn_api_runner import worker_handlers
from apache_beam.runners.worker import data_plane
from apache_beam.utils import thread_pool_executor

#: As Beam sets them: messages of any size, which Beam itself bounds, and any number of pings.
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
)
_CLOSE_SECONDS = 5


class SocketServer:
    """Has the attributes of `worker_handlers.GrpcServer` that Beam's runner uses.

    `path`: where the socket is made. Its folder must be private.
    """

    def __init__(self, path: str, state: Any, worker_manager: Any) -> None:
        self.address = f"unix:{path}"
        self.control_port = self.data_port = self.state_port = self.address
        self.control_handler = worker_handlers.BeamFnControlServicer(worker_manager)
        self.data_plane_handler = data_plane.BeamFnDataServicer(worker_handlers.DATA_BUFFER_TIME_LIMIT_MS)
        self._server = grpc.server(thread_pool_executor.shared_unbounded_instance(), options=_OPTIONS)
        beam_fn_api_pb2_grpc.add_BeamFnControlServicer_to_server(self.control_handler, self._server)
        beam_fn_api_pb2_grpc.add_BeamFnDataServicer_to_server(self.data_plane_handler, self._server)
        beam_fn_api_pb2_grpc.add_BeamFnStateServicer_to_server(
            worker_handlers.GrpcStateServicer(state), self._server
        )
        self._server.add_insecure_port(self.address)
        self._server.start()

    def close(self) -> None:
        """Ends after the open calls have ended, at the latest after five seconds."""
        self.control_handler.done()
        self._server.stop(_CLOSE_SECONDS).wait()

    def abort(self) -> None:
        """Stops to listen and cancels open calls; does not wait for them."""
        self._server.stop(None)
