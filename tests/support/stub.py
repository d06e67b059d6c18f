"""A provider's stand-in of a few lines, for tests that steer each of its answers."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit


class JsonHandler(BaseHTTPRequestHandler):
    """Answers GET and POST by one method, in JSON."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.respond()

    def do_POST(self) -> None:
        self.respond()

    def respond(self) -> None:
        """Answer one request."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """Return what was requested, without the query."""
        return urlsplit(self.path).path

    @property
    def api_key(self) -> str:
        """Return the account's key."""
        return parse_qs(urlsplit(self.path).query)["api_key"][0]

    def body(self) -> bytes:
        """Return what was sent."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send_json(self, answer: Any) -> None:
        """Send an answer."""
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def added(emails: list[str]) -> dict[str, Any]:
    """Return how a provider says that it has taken people in."""
    return {"ok": True, "total_leads": len(emails), "upload_count": len(emails), "emailToLeadIdMap": {
        email: number for number, email in enumerate(emails, 1)
    }}  # fmt: skip
