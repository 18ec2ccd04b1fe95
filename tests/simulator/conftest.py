"""Servers and SDK clients that are closed after each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest
from simulator_support import Connect, Serve

from luna_tui.engine.clock import Clock, SystemClock
from luna_tui.simulator.faults import Fault
from luna_tui.simulator.server import SimulatorServer, SimulatorSettings


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[SimulatorServer] = []

    def _serve(
        *faults: Fault, speed: float = 200.0, clock: Clock | None = None, **settings: Any
    ) -> SimulatorServer:
        server = SimulatorServer(
            SimulatorSettings(faults=faults, speed=speed, **settings), clock or SystemClock()
        )
        server.start()
        servers.append(server)
        return server

    yield _serve
    for server in servers:
        server.stop()


@pytest.fixture
def connect() -> Iterator[Connect]:
    clients: list[anthropic.Anthropic] = []

    def _connect(server: SimulatorServer, *, key: str = "k", read_s: float = 10.0) -> anthropic.Anthropic:
        http = anthropic.DefaultHttpxClient(trust_env=False, timeout=httpx2.Timeout(read_s))
        client = anthropic.Anthropic(
            base_url=server.base_url, api_key=key, max_retries=0, http_client=http, timeout=read_s
        )
        clients.append(client)
        return client

    yield _connect
    for client in clients:
        client.close()
