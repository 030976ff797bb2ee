"""Real trouble between an engineer and a site: connections that are slow, an admission webhook that says no."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from tenantry.sandbox.site.certs import ensure_authority, ensure_certificate


class Slow:
    """A way to a server that hands everything on, and while it is `slow` holds back each answer for half a minute.

    TLS goes through untouched: what is held back is all that the server says once it has greeted.
    """

    HELD_SECONDS = 30.0

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname
        assert parts.port
        self._target = (parts.hostname, parts.port)
        self._slow = threading.Event()
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def begin(self) -> None:
        self._slow.set()

    def close(self) -> None:
        self._over.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                asked = threading.Event()
                threading.Thread(target=self._ask, args=(near, far, asked), daemon=True).start()
                threading.Thread(target=self._answer, args=(far, near, asked), daemon=True).start()

    def _ask(self, near: socket.socket, far: socket.socket, asked: threading.Event) -> None:
        with suppress(OSError), near, far:
            sent = 0
            while data := near.recv(65536):
                sent += 1
                if sent > 1:
                    asked.set()
                far.sendall(data)

    def _answer(self, far: socket.socket, near: socket.socket, asked: threading.Event) -> None:
        with suppress(OSError):
            while data := far.recv(65536):
                if asked.is_set() and self._slow.is_set():
                    self._over.wait(self.HELD_SECONDS)
                near.sendall(data)


@contextmanager
def slow(target: str) -> Iterator[Slow]:
    made = Slow(target)
    try:
        yield made
    finally:
        made.close()


def server_of(connection: Path) -> str:
    """Give the address of the API server that a connection leads to."""
    kubeconfig = yaml.safe_load(Path(json.loads(connection.read_text())["kubernetes"]["kubeconfig"]).read_text())
    return str(kubeconfig["clusters"][0]["cluster"]["server"])


def lead(connection: Path, folder: Path, *, server: str = "", token: str = "", store: str = "") -> None:
    """Lead a connection to another API server or store, or let it come with a token instead of its certificate."""
    raw = json.loads(connection.read_text())
    kubeconfig = yaml.safe_load(Path(raw["kubernetes"]["kubeconfig"]).read_text())
    cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
    if server:
        cluster["server"] = server
    if token:
        user.clear()
        user["token"] = token
    if store:
        raw["objectStore"]["endpoint"] = store
    changed = folder / f"{connection.stem}.kubeconfig"
    changed.write_text(yaml.safe_dump(kubeconfig))
    raw["kubernetes"]["kubeconfig"] = str(changed)
    connection.write_text(json.dumps(raw))


class _Denial(BaseHTTPRequestHandler):
    def __init__(self, message: str, *arguments: object) -> None:
        self.message = message
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = {"message": self.message, "code": 403}
        response = {"uid": review["request"]["uid"], "allowed": False, "status": status}
        body = json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing between a test's own lines."""


@contextmanager
def denying_webhook(folder: Path, message: str) -> Iterator[tuple[str, bytes]]:
    """Run an admission webhook that denies everything; give its address and the authority that vouches for it."""
    authority = ensure_authority(folder, "webhook-ca")
    pair = ensure_certificate(authority, folder, "webhook", "webhook", hosts=("127.0.0.1",))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Denial, message))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certificate, pair.key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/", authority.certificate.read_bytes()
    finally:
        server.shutdown()
        server.server_close()
