"""Another service that is told of everything by a webhook, and writes down what it took."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Hook:
    """The target of a webhook, in this process.

    Attributes:
        taken: the events as they came, each with its position.
    """

    def __init__(self) -> None:
        self.taken: list[tuple[int, str]] = []
        hook = self

        class Target(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if not body:
                    return  # who sends it was killed over it
                event = json.loads(body)
                hook.taken.append((event["position"], event["id"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name where it comes from
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Target)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
