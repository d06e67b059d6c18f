"""Starts Postgres, the simulator, the worker and the API, restarts what dies, and leaves nothing behind."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import httpx
from pydantic import SecretStr

from api.access.access_tokens import Signer
from api.dev import dashboards
from api.dev.embedded import EmbeddedPostgres, EmbeddedPostgresError
from api.dev.home import ROLES, SIMULATED, Home, write_private
from api.dev.leftovers import end_leftovers
from api.dev.seed import seed
from api.dev.walk import walk as play_walk
from api.ops.migrate import MigrationRefusedError, migrate
from api.settings import MigrateSettings

POLL_SECONDS = 0.2
OUTBOUND = [sys.executable, "-m", "api.cli"]
# The ports that each process listens on.
PORTS_OF = {
    "api": ("api", "metrics"),
    "postgrest": ("postgrest",),
    "dashboards": ("dashboards",),
    **{name: (name, f"{name}_control") for name in SIMULATED},
}


class StoppedError(Exception):
    """The end was requested, with Ctrl-C or a signal."""


class Supervisor:
    """The processes of one home."""

    def __init__(self, home: Home, rate_limit: str) -> None:
        self.home = home
        self.stopping = False
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.postgres = EmbeddedPostgres(
            home.path / "postgres", home.state.ports["postgres"], home.state.passwords["admin"]
        )
        self._rate_limit = rate_limit
        self._postgrest: Path | None = None
        self.commands = {
            **{name: self._simulator(name) for name in SIMULATED},
            "worker": [*OUTBOUND, "worker"],
            "api": [*OUTBOUND, "serve"],
        }  # fmt: skip

    def _simulator(self, name: str) -> list[str]:
        ports = self.home.state.ports
        return [
            *OUTBOUND, "simulate", name, "--port", str(ports[name]), "--control-port", str(ports[f"{name}_control"]),
            "--rate-limit", self._rate_limit, "--state", str(self.home.path / f"{name}.sqlite"),
        ]  # fmt: skip

    def add_dashboards(self) -> None:
        """Have a PostgREST among the processes, which is installed if need be; where it cannot be had, say so."""
        try:
            if dashboards.installed() is None:
                self.say("installing PostgREST, through which dashboards read (once)")
            self._postgrest = dashboards.install()
        except dashboards.NotInstalledError as error:
            self.say(f"dashboards over PostgREST are left out: {error}")
            return
        self.home.has_dashboards = True
        self._command_dashboards()

    def _command_dashboards(self) -> None:
        if self._postgrest is None:
            return
        ports = self.home.state.ports
        target = f"http://127.0.0.1:{ports['postgrest']}"
        self.commands["postgrest"] = [str(self._postgrest), str(dashboards.CONFIGURATION)]
        self.commands["dashboards"] = [
            sys.executable, "-m", "api.dev.gateway", "--port", str(ports["dashboards"]), "--target", target,
        ]  # fmt: skip

    def start(self) -> None:
        """Bring everything up; return when the API answers."""
        self.say("starting Postgres")
        self._start_postgres()
        migrate(self._migrate_settings(), lambda line: None if line.startswith("warning") else self.say(line))
        self.say("starting the simulated providers, the worker and the API")
        for name in self.commands:
            self._spawn(name)
        self._await("the API", lambda: f"{self.home.api_url}/readyz")
        if self.home.has_dashboards:
            self._await("PostgREST", lambda: self.home.postgrest_url, status=401)
        for name in SIMULATED:
            self._await(
                f"the simulated {name}", lambda name=name: f"{self.home.provider_url(f'{name}_control')}/faults"
            )

    def watch(self) -> None:
        """Restart what dies, until the end is requested. Raises StoppedError then."""
        while True:
            time.sleep(POLL_SECONDS)
            self.revive()

    def revive(self) -> None:
        """Restart every process that has ended."""
        if self.postgres.process is not None and self.postgres.process.poll() is not None:
            self.say("Postgres ended; starting it again")
            self.postgres.start()
            self.publish()
        for name, child in self.children.items():
            if child.poll() is not None:
                self.say(f"{name} ended ({child.returncode}); starting it again")
                if [port for port in PORTS_OF.get(name, ()) if self.home.leave_taken_port(port)]:
                    self._restart_all()
                    return
                self._spawn(name)
                self.publish()

    def tell_moved(self) -> None:
        """Say which ports are others than they were, since guides and shells know the old ones."""
        for name, (before, now) in self.home.moved.items():
            self.say(f"port {before} is taken; {name} is on {now} (source {self.home.path / 'dev.env'})")
        self.home.moved.clear()

    def _start_postgres(self) -> None:
        try:
            self.postgres.start()
        except EmbeddedPostgresError:
            if not self.home.leave_taken_port("postgres"):
                raise
            self.tell_moved()
            self.postgres.port = self.home.state.ports["postgres"]
            self.postgres.start()

    def _restart_all(self) -> None:
        """Begin every process anew: each was started with the others' ports."""
        self.tell_moved()
        self._end_children()
        self.commands |= {name: self._simulator(name) for name in SIMULATED if name in self.commands}
        self._command_dashboards()
        for name in self.commands:
            self._spawn(name)
        self.publish()

    def stop(self) -> None:
        """End every process, the database last."""
        self.stopping = True
        self._end_children()
        self.postgres.stop()

    def _end_children(self) -> None:
        for child in self.children.values():
            with suppress(ProcessLookupError):
                child.terminate()
        deadline = time.monotonic() + 12
        for child in self.children.values():
            try:
                child.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def publish(self) -> None:
        """Tell others where everything is."""
        pids = {name: child.pid for name, child in self.children.items()}
        if self.postgres.process is not None:
            pids["postgres"] = self.postgres.process.pid
        self.home.publish({"supervisor": os.getpid(), **pids})

    def say(self, line: str) -> None:
        """Tell the person in front of the screen."""
        print(f"  {line}", flush=True)

    def _spawn(self, name: str) -> None:
        with (self.home.path / "logs" / f"{name}.log").open("ab") as log:
            # A session of its own: Ctrl-C reaches the supervisor alone, which ends the others in order.
            self.children[name] = subprocess.Popen(
                self.commands[name],
                env={**os.environ, **self.home.environment(), **self._secrets(name)},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _secrets(self, name: str) -> dict[str, str]:
        """Return what belongs on no command line, which every user of the machine may read."""
        if name == "postgrest":
            jwks = self.home.path / "jwks.json"
            write_private(jwks, json.dumps(Signer.from_settings(self.home.settings()).jwks()))
            return dashboards.environment(self.home.database_url("postgrest"), jwks, self.home.state.ports["postgrest"])
        return {"OUTBOUND_SIMULATED_KEYS": self.home.state.keys[name]} if name in SIMULATED else {}

    def _migrate_settings(self) -> MigrateSettings:
        urls = {f"database_url_{tier}": SecretStr(self.home.database_url(tier)) for tier in ROLES}
        return MigrateSettings(
            database_url=SecretStr(self.home.database_url("admin")),
            ticket_keys=SecretStr(self.home.state.keys["ticket"]),
            **urls,
        )

    def _await(self, what: str, url: Callable[[], str], status: int = 200) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if httpx.get(url(), timeout=2).status_code == status:
                    return
            self.revive()
            time.sleep(0.1)
        raise RuntimeError(f"{what} did not start; see {self.home.path / 'logs'}")


def run(
    path: Path, *, walk: bool, with_dashboards: bool, rate_limit: str, requests_per_minute: int, dns_servers: str
) -> None:
    """Start, seed, play the walk on the first start, and stay up until SIGINT or SIGTERM."""
    started = time.monotonic()
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / "lock").touch()
    except OSError as error:
        sys.exit(f"error: {path} cannot be written ({error.strerror}); give another folder with --home.")
    with (path / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"An engine is already running on {path}; end it first, or give another --home.")
        end_leftovers(path)
        home = Home.open(path)
        home.requests_per_minute, home.dns_servers = requests_per_minute, dns_servers
        supervisor = Supervisor(home, rate_limit)
        supervisor.tell_moved()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _stop)
        try:
            if with_dashboards:
                supervisor.add_dashboards()
            supervisor.start()
            seed(supervisor.home)
            supervisor.publish()
            if walk and not supervisor.home.state.walked:
                play_walk(supervisor.home)
                supervisor.publish()
            _welcome(supervisor, time.monotonic() - started)
            supervisor.watch()
        except StoppedError:
            supervisor.say("stopping")
        except (MigrationRefusedError, EmbeddedPostgresError, RuntimeError) as error:
            sys.exit(f"error: {error}")
        finally:
            _ignoring_signals(supervisor.stop)


def _welcome(supervisor: Supervisor, seconds: float) -> None:
    home = supervisor.home
    print(
        f"\nReady in {seconds:.1f} s.\n"
        f"  API        {home.api_url}      documentation {home.api_url}/docs\n"
        + (f"  dashboards {home.postgrest_url}      (PostgREST)\n" if home.has_dashboards else "")
        + f"  simulator  {home.simulator_url}      ledger {home.control_url}/ledger\n"
        f"  tokens     source {home.path / 'dev.env'}\n"
        f"  logs       {home.path / 'logs'}\n"
        "Press Ctrl-C to stop. The data stays; `make reset` throws it away.\n",
        flush=True,
    )


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise StoppedError


def _ignoring_signals(action: Callable[[], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    action()
