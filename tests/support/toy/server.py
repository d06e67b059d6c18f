"""The toy provider itself: an HTTP server that keeps campaigns and people in memory."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "toy-key"


class ToyServer:
    """A running provider. `campaigns` is what stands there, `calls` how many requests each lead was added by."""

    def __init__(self) -> None:
        self.campaigns: dict[str, dict[str, Any]] = {}
        self.calls: list[list[str]] = []
        toy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                status, answer = (401, {}) if self.headers.get("X-Toy-Key") != KEY else toy.answer(
                    self.command, self.path, json.loads(body) if body else None
                )  # fmt: skip
                sent = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Return the status and the document of one request."""
        match [method, *path.strip("/").split("/")]:
            case ["GET", "mailboxes"]:
                return 200, [{"id": "m1", "address": "ana@toy.example"}]
            case ["GET", "campaigns"]:
                return 200, list(self.campaigns.values())
            case ["POST", "campaigns"]:
                new = {"id": f"c{len(self.campaigns) + 1}", "leads": [], **body}
                self.campaigns[new["id"]] = new
                return 201, new
            case ["GET", "campaigns", key]:
                return 200, self.campaigns[key]
            case ["PATCH", "campaigns", key]:
                self.campaigns[key] |= body
                return 200, self.campaigns[key]
            case ["GET", "campaigns", key, "leads"]:
                return 200, self.campaigns[key]["leads"]
            case ["POST", "campaigns", key, "leads"]:
                self.calls.append(body)
                self.campaigns[key]["leads"] += body
                return 200, {}
            case _:
                return 404, {}

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
