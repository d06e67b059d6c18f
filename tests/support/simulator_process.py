"""Starts a simulator as its own process on free ports, and a small receiver for its webhooks."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import free_port

PATIENCE = 60.0  # seconds until something that must come is given up: how busy the machine is decides no test
ROOT = Path(__file__).parents[2]
_CODE = """
import importlib, json, sys
from pathlib import Path
settings = json.loads(sys.argv[2])
serve = importlib.import_module(f"providers.simulators.{sys.argv[1]}.server").serve
serve(**{**settings, "state_path": Path(settings["state_path"])})
"""


class Running:
    """A running simulator of the provider a subclass names, and a client for its controls."""

    provider: str
    keys: list[str]

    def __init__(self, state_path: Path, **settings: Any) -> None:
        self.port, self.control_port = free_port(), free_port()
        self.settings = {
            "port": self.port,
            "control_port": self.control_port,
            "state_path": str(state_path),
            "api_keys": self.keys,
            "rate_limit": "0",
            "autoplay": False,
            **settings,
        }
        token = settings.get("control_token")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.control = httpx.Client(base_url=f"http://127.0.0.1:{self.control_port}", timeout=PATIENCE, headers=headers)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE)
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", _CODE, self.provider, json.dumps(self.settings)]
        self.process = subprocess.Popen(command, cwd=ROOT)
        wait_for(self._answers)

    def _answers(self) -> bool:
        assert self.process.poll() is None, "the simulator ended"
        with contextlib.suppress(httpx.TransportError):
            return self.control.get("/settings").status_code == 200
        return False

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ask the process to end, whatever it is still doing."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=PATIENCE)

    def close(self) -> None:
        self.stop()
        self.control.close()
        self.client.close()

    def faults(self, **switches: Any) -> None:
        answer = self.control.put("/faults", json=switches)
        assert answer.status_code == 200, answer.text

    def set(self, **settings: Any) -> None:
        answer = self.control.put("/settings", json=settings)
        assert answer.status_code == 200, answer.text

    def clock(self, **wanted: Any) -> Any:
        answer = self.control.put("/clock", json=wanted)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def play(self, campaign_id: Any, email: str, event: str, **more: Any) -> Any:
        body = {"campaign_id": campaign_id, "email": email, "event": event, **more}
        answer = self.control.post("/play", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ledger(self, campaign_id: Any) -> list[dict[str, Any]]:
        return self.control.get("/ledger", params={"campaign": campaign_id}).json()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a sender that was killed in the middle of a request."""


class Receiver:
    """Takes webhooks; answers 500 as often as a test sets."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.refuse = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(raw, dict(self.headers)))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._lock = threading.Lock()
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, raw: bytes, headers: dict[str, str]) -> int:
        with self._lock:
            self.bodies.append(json.loads(raw))
            self.headers.append({**{k.lower(): v for k, v in headers.items()}, "raw": raw.decode()})
            self.refuse -= 1
            return 500 if self.refuse >= 0 else 200

    def of_type(self, event_type: str) -> list[dict[str, Any]]:
        return [body for body in self.bodies if body.get("event_type") == event_type]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def wait_for(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")
