"""Idle connections between nginx and the server."""

import functools
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from tests.integrations.processes import free_port, run_nginx
from tests.process import ServerProcess

UPSTREAM = """
upstream auth {{ server {server}; keepalive 512; }}
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://auth;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
    }}
}}
"""
BODY = b'{"query": "{ __typename }"}'
REQUEST = (
    b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
CLIENTS = 100
# Uvicorn closes an idle connection after 5 s. A request that nginx sends at that moment is lost,
# and nginx does not repeat a POST.
PAUSES = [4.998, 4.999, 5.0]


def ask_twice(port: int, pause: float, barrier: threading.Barrier) -> bytes:
    """Send two requests on one connection, with a pause; return the second status line."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(REQUEST)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        answered_at = time.perf_counter()
        barrier.wait(30)
        time.sleep(max(0.0, answered_at + pause - time.perf_counter()))
        connection.sendall(REQUEST)
        return connection.recv(65_536).partition(b"\r\n")[0]


def test_nginx_reuses_idle_connections_without_502(
    shared_server: ServerProcess, tmp_path: Path
) -> None:
    server, port = urlsplit(shared_server.url).netloc, free_port()
    with (
        run_nginx(tmp_path, UPSTREAM.format(server=server, port=port)),
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        for pause in PAUSES:
            ask = functools.partial(ask_twice, port, pause, threading.Barrier(CLIENTS))
            lines = [future.result() for future in [pool.submit(ask) for _ in range(CLIENTS)]]
            assert set(lines) == {b"HTTP/1.1 200 OK"}
