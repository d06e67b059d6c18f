"""What `outbound dev` keeps under `.outbound/`: ports, keys, tokens, and the files that tell others about them."""

import base64
import json
import os
import secrets
import socket
from contextlib import closing
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from api.settings import Settings, generate_key
from providers.registry import PROVIDERS

SIMULATED = tuple(key for key in PROVIDERS if find_spec(f"providers.simulators.{key}"))
PORTS = {
    "api": 8000, "metrics": 9464, "postgres": 55432, "dashboards": 8001, "postgrest": 8002,
    **{name: 9100 + 10 * place for place, name in enumerate(SIMULATED)},
    **{f"{name}_control": 9101 + 10 * place for place, name in enumerate(SIMULATED)},
}  # fmt: skip
TIERS = ("platform", "org", "company", "worker", "public")
ROLES = (*TIERS, "postgrest")  # that log in


@dataclass
class State:
    """Everything that must stay the same from one start to the next."""

    ports: dict[str, int]
    passwords: dict[str, str]
    keys: dict[str, str]
    organizations: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    walked: bool = False


@dataclass
class Home:
    """The folder and what is in it."""

    path: Path
    state: State
    requests_per_minute: int = 540  # the simulator allows 600
    leads_per_request: int = 100
    dns_servers: str = ""  # its domains are made up
    has_dashboards: bool = False  # a PostgREST is here
    moved: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])  # from which port to which

    @classmethod
    def open(cls, path: Path) -> "Home":
        """Read the folder, or make it with fresh ports and keys. A port that another process took is changed."""
        path.mkdir(parents=True, exist_ok=True)
        (path / "logs").mkdir(exist_ok=True)
        file = path / "state.json"
        if file.exists():
            home = cls(path.resolve(), _completed(State(**json.loads(file.read_text()))))
        else:
            home = cls(path.resolve(), _fresh_state())
        taken: set[int] = set()
        for name, preferred in home.state.ports.items():
            chosen = _free_port(preferred, taken)
            taken.add(chosen)
            if chosen != preferred:
                home.moved[name] = (preferred, chosen)
        home.state.ports |= {name: chosen for name, (_, chosen) in home.moved.items()}
        home.save()
        return home

    def leave_taken_port(self, name: str) -> bool:
        """Take another port for what could not start on its own. False where no other process has that port."""
        port = self.state.ports[name]
        if _free_port(port, set()) == port:
            return False
        self.state.ports[name] = _free_port(0, set(self.state.ports.values()))
        self.moved[name] = (port, self.state.ports[name])
        self.save()
        return True

    def save(self) -> None:
        """Write the state."""
        write_private(self.path / "state.json", json.dumps(asdict(self.state), indent=2))

    @property
    def api_url(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.state.ports['api']}"

    @property
    def postgrest_url(self) -> str:
        """Where dashboards read, as on Supabase."""
        return f"http://127.0.0.1:{self.state.ports['dashboards']}/rest/v1"

    def provider_url(self, provider: str) -> str:
        """Return a simulated provider's scheme and host."""
        return f"http://127.0.0.1:{self.state.ports[provider]}"

    @property
    def simulator_url(self) -> str:
        """The first simulated provider's scheme and host."""
        return self.provider_url(SIMULATED[0])

    @property
    def control_url(self) -> str:
        """The simulator's ledger and fault switches."""
        return f"http://127.0.0.1:{self.state.ports['smartlead_control']}"

    def database_url(self, tier: str) -> str:
        """Return the address of a login role, or of the superuser for `admin`."""
        role = "postgres" if tier == "admin" else f"outbound_{tier}"
        return f"postgresql://{role}:{self.state.passwords[tier]}@127.0.0.1:{self.state.ports['postgres']}/postgres"

    def environment(self) -> dict[str, str]:
        """Return the settings of every process."""
        urls = {f"OUTBOUND_DATABASE_URL_{tier.upper()}": self.database_url(tier) for tier in ROLES}
        dashboards = {"OUTBOUND_POSTGREST_URL": self.postgrest_url} if self.has_dashboards else {}
        return {
            "OUTBOUND_DATABASE_URL": self.database_url("admin"),
            **urls,
            **dashboards,
            "OUTBOUND_TOKEN_PEPPER": self.state.keys["pepper"],
            "OUTBOUND_TICKET_KEYS": self.state.keys["ticket"],
            "OUTBOUND_ENCRYPTION_KEYS": self.state.keys["encryption"],
            "OUTBOUND_SIGNING_KEYS": self.state.keys["signing"],
            "OUTBOUND_METRICS_PORT": str(self.state.ports["metrics"]),
            "OUTBOUND_RATE_LIMIT_PER_MINUTE": "60000",
            "OUTBOUND_HOME": str(self.path),  # by which leftovers of a killed run are known
            "OUTBOUND_PUBLIC_URL": self.api_url,
            "OUTBOUND_PORT": str(self.state.ports["api"]),
            **{
                f"OUTBOUND_PROVIDERS__{name.upper()}__{setting.upper()}": value
                for name in SIMULATED
                for setting, value in self._provider_settings(name).items()
            },
            "OUTBOUND_POLL_SECONDS": "120",
            "OUTBOUND_HEARTBEAT_SECONDS": "0.5",
            "OUTBOUND_STALL_SECONDS": "3",
            "OUTBOUND_SWEEP_SECONDS": "5",
            "OUTBOUND_RETRY_SECONDS": "1",
            "OUTBOUND_SETTLE_AFTER_SECONDS": "3",
            "OUTBOUND_LIST_LAG_SECONDS": "5",
            "OUTBOUND_LEADS_PER_REQUEST": str(self.leads_per_request),
            "OUTBOUND_DNS_SERVERS": self.dns_servers,
        }

    def _provider_settings(self, name: str) -> dict[str, str]:
        """Return where a simulated provider is and the limits of its accounts: none but the minute's."""
        return {
            "url": self.provider_url(name),
            "sandbox_url": self.provider_url(name),
            "requests_per_minute": str(self.requests_per_minute),
            "requests_per_burst": "0",
            "requests_per_hour": "0",
        }

    def settings(self) -> Settings:
        """Return the same as the processes read it."""
        flat = {name.removeprefix("OUTBOUND_").lower(): value for name, value in self.environment().items()}
        given = {name: value for name, value in flat.items() if "__" not in name}
        providers = {name: self._provider_settings(name) for name in SIMULATED}
        return Settings(**given, providers=providers)  # pyright: ignore[reportArgumentType]  # pydantic reads the texts

    def publish(self, pids: dict[str, int]) -> None:
        """Write `dev.json` for programs and `dev.env` to source in a shell."""
        document = {
            "api_url": self.api_url,
            "docs_url": f"{self.api_url}/docs",
            "postgrest_url": self.postgrest_url if self.has_dashboards else None,
            "organizations": self.state.organizations,
            "database_urls": {tier: self.database_url(tier) for tier in ("admin", *ROLES)},
            "simulators": {
                name: {
                    "url": self.provider_url(name),
                    "api_key": self.state.keys[name],
                    "control_url": self.provider_url(f"{name}_control"),
                }
                for name in SIMULATED
            },
            "pids": pids,
        }
        write_private(self.path / "dev.json", json.dumps(document, indent=2))
        variables = {
            "API": self.api_url,
            **{f"{name.upper()}_KEY": self.state.keys[name] for name in SIMULATED},
            "SIMULATOR": self.simulator_url,
            "CONTROL": self.control_url,
            **({"POSTGREST": self.postgrest_url} if self.has_dashboards else {}),
            **self.environment(),
        }
        if self.state.organizations:
            variables["ORG_TOKEN"] = self.state.organizations[0]["org_token"]
            for number, company in enumerate(self.state.organizations[0]["companies"], start=1):
                variables[f"COMPANY_{number}_ID"] = company["id"]
                variables[f"COMPANY_{number}_TOKEN"] = company["token"]
        lines = (f"export {name}='{value}'\n" for name, value in variables.items())
        write_private(self.path / "dev.env", "".join(lines))


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only."""
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def _fresh_state() -> State:
    return State(
        ports=dict(PORTS),
        passwords={tier: secrets.token_hex(16) for tier in ("admin", *ROLES)},
        keys={
            "pepper": base64.b64encode(secrets.token_bytes(32)).decode(),
            "ticket": generate_key("t1"),
            "encryption": generate_key("e1"),
            "signing": generate_key("s1"),
            **{name: secrets.token_urlsafe(32) for name in SIMULATED},
        },
    )


def _completed(state: State) -> State:
    """Give a folder of an earlier version what has come since."""
    fresh = _fresh_state()
    for name in ("ports", "passwords", "keys"):
        setattr(state, name, {**getattr(fresh, name), **getattr(state, name)})
    return state


def _free_port(preferred: int, taken: set[int]) -> int:
    for port in (preferred, 0):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen = int(probe.getsockname()[1])
            if chosen not in taken:
                return chosen
    return _free_port(0, taken)
