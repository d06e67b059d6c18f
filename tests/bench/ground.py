"""The ground a benchmark stands on: one engine in a temporary folder, and the servers that are compared beside it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg

from api.db.queries import load
from api.dev.home import Home
from api.dev.supervisor import Supervisor
from tests.engine import Engine
from tests.support.ports import free_port

SQL = load(Path(__file__).with_name("data.sql"))
CONNECTIONS = 16
Say = Callable[[str], None]


@dataclass
class Ground:
    """A migrated database with its keys, and the processes that were started on it."""

    home: Home
    supervisor: Supervisor
    folder: Path
    say: Say
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def connect(self, tier: str = "admin") -> psycopg.Connection[tuple[object, ...]]:
        """Open a connection as a role; `admin` is bound by nothing."""
        return psycopg.connect(self.home.database_url(tier), autocommit=True)

    def environment(self, **more: str) -> dict[str, str]:
        """Return what a process of the product reads, release settings and as many connections as its peers have."""
        pool = {"OUTBOUND_POOL_SIZE": str(CONNECTIONS)}
        return {**os.environ, **self.home.environment(), **pool, **more}

    def spawn(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Start a process that writes to a log of its own; return its pid."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*command], env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self.processes[name] = process
        return process.pid

    def serve(self, name: str, command: Sequence[str], environment: Mapping[str, str], *, ready: str = "/") -> int:
        """Start a server on a free port, given to it as OUTBOUND_PORT, and wait until it answers; return the port."""
        port = self.ports[name] = free_port()
        self.spawn(name, command, {**environment, "OUTBOUND_PORT": str(port)})
        self.wait(name, f"http://127.0.0.1:{port}{ready}")
        return port

    def wait(self, name: str, url: str, seconds: float = 30.0) -> None:
        """Return when a server answers anything at all."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                httpx.get(url, timeout=2)
                return
            if self.processes[name].poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"{name} did not start:\n{(self.folder / f'{name}.log').read_text()[-2000:]}")

    def end(self, name: str) -> None:
        """End one process that was started here."""
        process = self.processes.pop(name, None)
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """End everything, the database last."""
        for name in list(self.processes):
            self.end(name)
        self.supervisor.postgres.stop()

    def resident_mebibytes(self, name: str) -> float:
        """Return how much memory a process holds just now."""
        return resident_mebibytes(self.processes[name].pid)

    def cpu_seconds(self, name: str) -> float:
        """Return how much processor time a process has used."""
        return cpu_seconds(self.processes[name].pid)

    def postgres_cpu_seconds(self) -> float:
        """Return how much Postgres has used, in all of its processes, those that have ended too."""
        postmaster = int((self.supervisor.postgres.data / "postmaster.pid").read_text().split("\n", 1)[0])
        backends = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return cpu_seconds(postmaster, ended=True) + sum(cpu_seconds(int(pid)) for pid in backends)


def cpu_seconds(pid: int, *, ended: bool = False) -> float:
    """Return the processor time that a process has used; with `ended`, what its children had used when they ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    first = 13 if ended else 11
    return (int(fields[first]) + int(fields[first + 1])) / os.sysconf("SC_CLK_TCK")


def resident_mebibytes(pid: int) -> float:
    """Return the resident set of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def time_starts(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Start `outbound dev` on an empty folder and then again; return seconds, and the idle processes' MiB."""
    seconds: dict[str, float] = {}
    memory: dict[str, float] = {}
    for name in ("cold", "warm"):
        started = time.monotonic()
        engine = Engine.start(folder)
        seconds[name] = time.monotonic() - started
        memory = {role: resident_mebibytes(engine.dev["pids"][role]) for role in ("api", "worker")}
        engine.stop()
    return seconds, memory


@contextmanager
def ground(folder: Path, say: Say) -> Iterator[Ground]:
    """Start the database of a home that `outbound dev` made, with memory as a server of this size would be given."""
    home = Home.open(folder / "home")
    home.requests_per_minute = 6000
    supervisor = Supervisor(home, "0")
    made = Ground(home, supervisor, folder, say)
    supervisor.postgres.start()
    try:
        with made.connect() as conn:
            for name, query in SQL.statements.items():
                if name.startswith("server_"):
                    conn.execute(query.sql)
        supervisor.postgres.stop()
        supervisor.postgres.start()
        yield made
    finally:
        made.stop()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder that Postgres' user may enter, and throw it away afterwards with what lies outside it."""
    folder = Path(tempfile.mkdtemp(prefix="outbound-bench-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        data = folder / "home" / "postgres"
        if data.is_symlink():
            shutil.rmtree(data.resolve(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


API = [sys.executable, "-m", "api.cli", "serve"]
