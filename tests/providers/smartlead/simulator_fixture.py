"""Starts the simulator as its own process on free ports, and a small receiver for its webhooks."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

KEY = "6f1c2f0a-9a53-4c07-8f0e-2d3b7a1e5c44_ab12cd3"
OTHER_KEY = "0d9a7c11-5b1e-4f2b-9b8f-7f0c4a1d2e33_zz98yx7"
ROOT = Path(__file__).parents[3]
_CODE = """
import json, sys
from pathlib import Path
from providers.simulators.smartlead.server import serve
settings = json.loads(sys.argv[1])
serve(**{**settings, "state_path": Path(settings["state_path"])})
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Simulator:
    """A running simulator and clients for both of its sides."""

    def __init__(self, state_path: Path, **settings: Any) -> None:
        self.port, self.control_port = free_port(), free_port()
        self.settings = {
            "port": self.port,
            "control_port": self.control_port,
            "state_path": str(state_path),
            "api_keys": [KEY, OTHER_KEY],
            "rate_limit": "0",
            "autoplay": False,
            **settings,
        }
        self.control = httpx.Client(base_url=f"http://127.0.0.1:{self.control_port}", timeout=20)
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api/v1", timeout=20)
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", _CODE, json.dumps(self.settings)], cwd=ROOT)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the simulator ended"
            with contextlib.suppress(httpx.TransportError):
                if self.control.get("/settings").status_code == 200:
                    return
            time.sleep(0.03)
        raise AssertionError("the simulator did not start")

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> float:
        """Ask the process to end, and return how long it took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=5)
        return time.monotonic() - began

    def close(self) -> None:
        self.stop()
        self.control.close()
        self._client.close()

    def ask(self, method: str, path: str, body: Any = None, *, key: str = KEY, **query: Any) -> httpx.Response:
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"}
        params = {"api_key": key, **query}
        return self._client.request(method, path, params=params, content=content, headers=headers)

    def get(self, path: str, **query: Any) -> Any:
        return self._json(self.ask("GET", path, **query))

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        return self._json(self.ask("POST", path, {} if body is None else body, **query))

    def delete(self, path: str, body: Any = None) -> Any:
        return self._json(self.ask("DELETE", path, body))

    @staticmethod
    def _json(response: httpx.Response) -> Any:
        assert response.status_code == 200, response.text
        return response.json()

    def faults(self, **switches: Any) -> None:
        answer = self.control.put("/faults", json=switches)
        assert answer.status_code == 200, answer.text

    def set(self, **settings: Any) -> None:
        answer = self.control.put("/settings", json=settings)
        assert answer.status_code == 200, answer.text

    def play(self, campaign_id: int, email: str, event: str, **more: Any) -> Any:
        body = {"campaign_id": campaign_id, "email": email, "event": event, **more}
        answer = self.control.post("/play", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ledger(self, campaign_id: int) -> list[dict[str, Any]]:
        return self.control.get("/ledger", params={"campaign": campaign_id}).json()

    def campaign(self, name: str = "Q3") -> int:
        return self.post("/campaigns/create", {"name": name})["id"]

    def add(self, campaign_id: int, *emails: str, **settings: Any) -> Any:
        leads = [{"email": email, "first_name": "Jason", "last_name": "T"} for email in emails]
        return self.post(f"/campaigns/{campaign_id}/leads", {"lead_list": leads, "settings": settings})

    def ready_campaign(self, *emails: str, steps: int = 1, url: str | None = None) -> int:
        """Create a campaign with everything it needs to start."""
        campaign_id = self.campaign()
        path = f"/campaigns/{campaign_id}"
        self.post(f"{path}/sequences", {"sequences": [step(number) for number in range(1, steps + 1)]})
        self.post(f"{path}/schedule", SCHEDULE)
        mailboxes = [row["id"] for row in self.get("/email-accounts/")]
        self.post(f"{path}/email-accounts", {"email_account_ids": mailboxes})
        if url:
            self.post(f"{path}/webhooks", hook(url))
        if emails:
            self.add(campaign_id, *emails)
        return campaign_id

    def start_campaign(self, campaign_id: int) -> None:
        assert self.post(f"/campaigns/{campaign_id}/status", {"status": "START"}) == {"ok": True}


SCHEDULE = {
    "timezone": "America/Los_Angeles",
    "days_of_the_week": [1, 2, 3, 4, 5],
    "start_hour": "09:00",
    "end_hour": "17:00",
    "min_time_btw_emails": 10,
    "max_new_leads_per_day": 20,
}
ALL_EVENTS = [
    "EMAIL_SENT",
    "EMAIL_OPEN",
    "EMAIL_LINK_CLICK",
    "EMAIL_REPLY",
    "EMAIL_BOUNCE",
    "LEAD_UNSUBSCRIBED",
    "LEAD_CATEGORY_UPDATED",
]
CATEGORIES = ["Interested", "Meeting Request", "Not Interested"]


def step(number: int, **more: Any) -> dict[str, Any]:
    delay = {"delay_in_days": 0 if number == 1 else 3}
    text = {"subject": "Hi {{first_name}}", "email_body": f"<p>Step {number}, {{{{first_name}}}}</p>"}
    return {"id": None, "seq_number": number, "seq_delay_details": delay, **text, **more}


def hook(url: str, **more: Any) -> dict[str, Any]:
    lists = {"event_types": ALL_EVENTS, "categories": CATEGORIES}
    return {"id": None, "name": "my hook", "webhook_url": url, **lists, **more}


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a sender that was killed in the middle of a request."""


class Receiver:
    """Takes webhooks; answers 500 as often as it is told to."""

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


def wait_for(condition: Callable[[], Any], seconds: float = 8) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    simulator = Simulator(tmp_path_factory.mktemp("simulator") / "state.db")
    yield simulator
    simulator.close()


@pytest.fixture
def sim(running: Simulator) -> Iterator[Simulator]:
    """The shared simulator, without faults and with the settings it starts with."""
    running.faults()
    running.set(**DEFAULTS)
    yield running
    running.faults()
    running.set(**DEFAULTS)


DEFAULTS = {
    "autoplay": False,
    "pace_ms": 50,
    "dialect": "live",
    "invert_direction": False,
    "sign_secret": None,
    "duplicates": 0,
    "disorder": False,
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    taker = Receiver()
    yield taker
    taker.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[..., Simulator]]:
    """Start a simulator of one's own, with other settings or to be killed."""
    started: list[Simulator] = []

    def start(**settings: Any) -> Simulator:
        started.append(Simulator(tmp_path / f"state-{len(started)}.db", **settings))
        return started[-1]

    yield start
    for simulator in started:
        simulator.close()
