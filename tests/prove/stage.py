"""A stage for proofs: an engine of its own whose processes are killed at random and come back."""

import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from api.dev.home import Home
from api.dev.seed import create_company, seed
from api.dev.supervisor import Supervisor
from tests.engine import STEPS
from tests.support.ports import free_port


@dataclass
class Stage:
    """One engine under a supervisor that runs in a thread of this process."""

    supervisor: Supervisor
    home: Home
    ended: threading.Event = field(default_factory=threading.Event)
    kills: dict[str, int] = field(default_factory=dict)

    def watch(self) -> None:
        """Restart what was killed, as `make run` does."""
        while not self.ended.is_set():
            with suppress(Exception):  # a start that fails, because Postgres is just being killed again, is tried again
                self.supervisor.revive()
            time.sleep(0.1)

    def kill(self, name: str) -> None:
        """End one process with SIGKILL."""
        process = self.supervisor.postgres.process if name == "postgres" else self.supervisor.children[name]
        if process is not None and process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            self.kills[name] = self.kills.get(name, 0) + 1

    def client(self, token: str | None = None) -> httpx.Client:
        """Return a client of the API."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.home.api_url, headers=headers, timeout=30)

    def ask(self, method: str, path: str, token: str, **request: Any) -> Any:
        """Send a request until it is answered: the API may be down just now. Only for what may be repeated."""
        for _ in range(1200):
            with suppress(httpx.TransportError), self.client(token) as client:
                answer = client.request(method, path, **request)
                if answer.is_client_error:
                    raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
                if answer.is_success:
                    return answer.json()
            time.sleep(0.2)
        raise AssertionError(f"{method} {path} was not answered")

    def control(self, method: str, path: str, **request: Any) -> Any:
        """Speak to the simulator's control API until it answers: it may be down just now."""
        for _ in range(1200):
            with suppress(httpx.TransportError):
                answer = httpx.request(method, self.home.control_url + path, timeout=60, **request)
                return answer.raise_for_status().json()
            time.sleep(0.2)
        raise AssertionError(f"{method} {path} was not answered")


@contextmanager
def stage(
    *,
    commands: Mapping[str, Sequence[str]] | None = None,
    people_per_call: int = 100,
    workers: int = 1,
    per_minute: int = 6000,
    rate_limit: str = "0",
) -> Iterator[Stage]:
    """Start an engine in a folder of its own; `commands` are others than its own, `rate_limit` is the provider's."""
    folder = Path(tempfile.mkdtemp(prefix="outbound-prove-"))
    folder.chmod(0o755)
    home = Home.open(folder / "home")
    home.state.ports = {name: free_port() for name in home.state.ports}
    home.requests_per_minute, home.leads_per_request = per_minute, people_per_call
    supervisor = Supervisor(home, rate_limit)
    supervisor.say = lambda line: None  # type: ignore[method-assign]
    supervisor.commands |= {name: list(command) for name, command in (commands or {}).items()}
    for number in range(2, workers + 1):
        supervisor.commands[f"worker{number}"] = supervisor.commands["worker"]
    running = Stage(supervisor, home)
    watcher = threading.Thread(target=running.watch, daemon=True)
    try:
        supervisor.start()
        seed(home)
        watcher.start()
        yield running
    finally:
        running.ended.set()
        with suppress(RuntimeError):
            watcher.join(timeout=30)
        supervisor.stop()
        shutil.rmtree(folder, ignore_errors=True)


def connected_company(running: Stage) -> dict[str, Any]:
    """Make a company that can send, and return its id and token."""
    home, organization = running.home, running.home.state.organizations[0]
    company = create_company(home, organization["org_token"], "Proof")
    token = organization["org_token"]
    path = f"/partner/v1/companies/{company['id']}/entitlements/email_outreach"
    running.ask("PUT", path, token, json={"provider": "smartlead"})
    credential = {"api_key": home.state.keys["smartlead"]}
    body = {"company_id": company["id"], "provider": "smartlead", "credential": credential}
    running.ask("POST", "/partner/v1/connections", token, json=body)
    return company


def draft(running: Stage, token: str) -> str:
    """Make a campaign that lacks only people."""
    body = {"name": "Proof", "capability": "email_outreach"}
    campaign = running.ask("POST", "/v1/campaigns", token, json=body)["id"]
    running.ask("PUT", f"/v1/campaigns/{campaign}/sequence", token, json={"steps": STEPS})
    senders = [sender["id"] for sender in running.ask("GET", "/v1/senders", token)["data"]]
    running.ask("PUT", f"/v1/campaigns/{campaign}/senders", token, json={"sender_ids": senders})
    return campaign


def wait_answering(running: Stage, seconds: float = 240.0) -> None:
    """Wait until the API and its Postgres answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if httpx.get(f"{running.home.api_url}/readyz", timeout=30).status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError("the API does not answer")


def choose(rng: random.Random, weights: dict[str, int]) -> str:
    """Return one name, by weight."""
    return rng.choices(list(weights), weights=list(weights.values()))[0]
