"""The only importer of the HTTP server: applications on ports, as long as they are wanted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from decentralml.compat.coordinator.access_log import AccessLog, App
from decentralml.errors import ConfigError

MOST_CONNECTIONS = 2000
IDLE_SECONDS = 30
END_SECONDS = 2


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the program that started the coordinator."""
        yield


class Listener:
    """One port that is open from the beginning, served once there is something to serve.

    Raises: ConfigError: the port cannot be had.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            self._socket = socket.create_server((host, port), backlog=128)
        except OSError as error:
            raise ConfigError(
                f"{host}:{port} cannot be listened at: {error.strerror}. Name another port."
            ) from error
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self._server: _Server | None = None
        self._serving: asyncio.Task[Any] | None = None

    @property
    def url(self) -> str:
        """Its address on this machine."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def serve(self, app: App) -> None:
        """Begin to answer; called in the event loop."""
        config = uvicorn.Config(
            AccessLog(app, self.url),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            http="h11",
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=END_SECONDS,
        )
        self._server = _Server(config)
        self._serving = asyncio.ensure_future(self._server.serve(sockets=[self._socket]))

    async def close(self) -> None:
        """End what is being answered, and give the port back."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        self._socket.close()
