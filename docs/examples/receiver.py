"""Receives events: believes what is signed with the secret and was sent just now, and handles each event once."""

import base64
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

secret = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
fresh_seconds = 300
seen: set[str] = set()  # yours belongs into your database, in the transaction of what you do


class Receiver(BaseHTTPRequestHandler):
    """Answers each request: 204, it is done; anything else, send it again."""

    def do_POST(self) -> None:
        """Take an event."""
        body = self.rfile.read(int(self.headers["content-length"]))
        event, sent, signed = (self.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        digest = hmac.digest(secret, f"{event}.{sent}.".encode() + body, "sha256")
        expected = b"v1," + base64.b64encode(digest)
        known = any(hmac.compare_digest(expected, one.encode()) for one in signed.split())
        good = known and abs(time.time() - int(sent)) < fresh_seconds
        if good and event not in seen:
            print(json.loads(body)["type"], json.loads(body)["subject"], flush=True)
            seen.add(event)
        self.send_response(204 if good else 400)
        self.end_headers()


HTTPServer(("127.0.0.1", int(os.environ.get("RECEIVER_PORT", "9000"))), Receiver).serve_forever()
