"""The three reads that are compared, as requests to each server."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from api.access.access_tokens import Signer
from api.dev import dashboards
from tests.bench import load, pgbench, postgrest, sessions, wrk
from tests.bench.data import Probe
from tests.bench.ground import API, CONNECTIONS, Ground
from tests.bench.obvious import CAMPAIGN_COLUMNS, COLUMNS
from tests.bench.report import Report

LIMIT = 50
READS = ("list 50 leads by domain", "get one lead", "list campaigns")
TOKEN, SESSION = "API token", "session JWT"
POSTGREST, POSTGREST_CHEAP = "PostgREST, ES256", "PostgREST, HS256"
OBVIOUS, PGBENCH = "obvious design", "pgbench"
Ask = Callable[[Probe, int], tuple[str, dict[str, str]]]


@dataclass
class Server:
    """One server, and the requests of each read."""

    name: str
    port: int
    asks: Sequence[Ask]
    requests: dict[str, list[list[bytes]]] = field(default_factory=dict)

    def prepare(self, probes: Sequence[Probe]) -> None:
        """Write every request beforehand: each connection goes round all tenants, beginning at another one."""
        for name, ask in zip(READS, self.asks, strict=True):
            every = [load.get(*ask(probe, number)) for number in range(5) for probe in probes]
            step = len(every) // CONNECTIONS
            self.requests[name] = [every[n * step :] + every[: n * step] for n in range(CONNECTIONS)]


def start(ground: Ground, probes: Sequence[Probe], report: Report) -> list[Server]:
    """Start every server that can be had here."""
    signer = Signer.from_settings(ground.home.settings())
    keys = postgrest.Keys(signer.jwks())
    ours = ground.serve("api", API, ground.environment(), ready="/readyz")
    tokens = sessions.open_sessions(ground, probes, signer)
    servers = [Server(TOKEN, ours, _ours({})), Server(SESSION, ours, _ours(tokens))]
    try:
        program = dashboards.install()
    except dashboards.NotInstalledError as error:
        report.note(f"PostgREST and the obvious design are left out: {error}")
    else:
        postgrest.prepare(ground)
        port = postgrest.serve(ground, program, keys)
        cheap = {number: keys.under_the_secret(token) for number, token in tokens.items()}
        servers.append(Server(POSTGREST, port, _theirs(tokens)))
        servers.append(Server(POSTGREST_CHEAP, port, _theirs(cheap)))
        servers.append(Server(OBVIOUS, _obvious(ground, keys, probes, port), OBVIOUS_ASKS))
    for server in servers:
        server.prepare(probes)
    return servers


def _obvious(ground: Ground, keys: postgrest.Keys, probes: Sequence[Probe], port: int) -> int:
    tokens = {p.token: {"org_id": str(p.org_id), "company_id": str(p.company_id)} for p in probes}
    path = ground.folder / "tokens.json"
    path.write_text(json.dumps(tokens))
    claims = {"role": "bench_service", "aud": "outbound", "exp": 4_000_000_000}
    environment = {
        **os.environ,
        "BENCH_SERVICE_KEY": keys.sign(claims),
        "BENCH_POSTGREST": f"http://127.0.0.1:{port}",
        "BENCH_TOKENS": str(path),
    }
    return ground.serve("obvious", [sys.executable, "-m", "tests.bench.obvious"], environment, ready="/none")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _lead(probe: Probe, number: int) -> str:
    return str(probe.lead_ids[number % len(probe.lead_ids)])


def _domain(probe: Probe, number: int) -> str:
    return probe.domains[number % len(probe.domains)]


def _path(probe: Probe, number: int) -> str:
    """Return a mail domain as the index of all subdomains has it."""
    return ".".join(reversed(_domain(probe, number).split(".")))


def own_asks() -> Sequence[Ask]:
    """Return the requests of our own API with an API token."""
    return _ours({})


def _ours(tokens: dict[int, str]) -> Sequence[Ask]:
    def headers(probe: Probe) -> dict[str, str]:
        return _bearer(tokens.get(probe.number, probe.token))

    return (
        lambda p, n: (f"/v1/leads?domain={_domain(p, n)}&limit={LIMIT}", headers(p)),
        lambda p, n: (f"/v1/leads/{_lead(p, n)}", headers(p)),
        lambda p, n: (f"/v1/campaigns?limit={LIMIT}", headers(p)),
    )


def _theirs(tokens: dict[int, str]) -> Sequence[Ask]:
    headers_of = {number: _bearer(token) for number, token in tokens.items()}
    one = {"Accept": "application/vnd.pgrst.object+json"}
    order = f"order=id.desc&limit={LIMIT + 1}"
    return (
        lambda p, n: (f"/leads?select={COLUMNS}&domain_path=eq.{_path(p, n)}&{order}", headers_of[p.number]),
        lambda p, n: (f"/leads?select={COLUMNS}&id=eq.{_lead(p, n)}", {**headers_of[p.number], **one}),
        lambda p, n: (f"/campaigns?select={CAMPAIGN_COLUMNS}&{order}", headers_of[p.number]),
    )


OBVIOUS_ASKS: Sequence[Ask] = (
    lambda p, n: (f"/leads?domain={_domain(p, n)}&limit={LIMIT}", _bearer(p.token)),
    lambda p, n: (f"/leads/{_lead(p, n)}", _bearer(p.token)),
    lambda p, n: (f"/campaigns?limit={LIMIT}", _bearer(p.token)),
)


def compare(ground: Ground, servers: Sequence[Server], report: Report, *, rounds: int, seconds: float) -> None:
    """Ask all servers in turn, round after round, and report the ratios of the medians."""
    program = pgbench.program()
    scripts = pgbench.read_scripts(ground.folder)
    for read in READS:
        rates: dict[str, list[float]] = {}
        for number in range(rounds):
            ground.say(f"  {read}: round {number + 1} of {rounds}")
            for server in servers:
                rates.setdefault(server.name, []).append(_measure(ground, server, read, seconds))
            if program:
                run = pgbench.run(ground, scripts[read], tier="company", seconds=max(1, round(seconds)))
                rates.setdefault(PGBENCH, []).append(run.per_second)
        _report(report, read, rates)
    if not program:
        report.note("pgbench is left out: neither the embedded Postgres nor Debian's has it")


def processor(ground: Ground, servers: Sequence[Server], report: Report, *, rounds: int, seconds: float) -> None:
    """Report how much processor time a thousand answers take, of the server and Postgres together: unlike a rate it
    does not change with what the load generator takes of the same cores."""
    program = wrk.install(ground.folder / "wrk")
    if program is None:
        report.note("processor time is left out: wrk, or Debian's registry, is not here")
        return
    names = {TOKEN: "api", SESSION: "api", POSTGREST: "postgrest", POSTGREST_CHEAP: "postgrest", OBVIOUS: "obvious"}
    for read in READS:
        costs: dict[str, list[float]] = {}
        for _ in range(rounds):
            for server in servers:
                requests = [request for queue in server.requests[read] for request in queue[:64]]
                begun = ground.cpu_seconds(names[server.name]) + ground.postgres_cpu_seconds()
                answered, failed = program.run(server.port, requests, seconds, connections=CONNECTIONS)
                used = ground.cpu_seconds(names[server.name]) + ground.postgres_cpu_seconds() - begun
                if failed or not answered:
                    ground.say(f"    {server.name}: {failed} of {answered} failed")
                costs.setdefault(server.name, []).append(1000 * used / max(answered, 1))
        shown = "  ".join(f"{name} {median(found):.2f}" for name, found in costs.items())
        print(f"    processor seconds per 1,000 answers, {read}: {shown}", flush=True)
        target = {"list 50 leads by domain": 0.7, "get one lead": 0.45}.get(read)
        for ours, theirs in ((TOKEN, POSTGREST_CHEAP), (SESSION, POSTGREST)):
            if theirs in costs:
                title = f"processor, {read}: {ours} / {theirs}"
                most = target if ours == TOKEN else None
                report.ratio(title, costs[ours], costs[theirs], names=(ours, theirs), at_most=most)


def _measure(ground: Ground, server: Server, read: str, seconds: float) -> float:
    requests = server.requests[read]
    load.run(server.port, requests, 0.15)  # connections of the pool and prepared statements
    result = load.run(server.port, requests, seconds)
    if result.failed:
        ground.say(f"    {server.name}: {dict(result.statuses)} {result.refusal[-300:]!r}")
    return result.per_second


def _report(report: Report, read: str, rates: dict[str, list[float]]) -> None:
    """Compare like with like: a token that costs nothing with PostgREST's cheapest, a session with the same session."""
    for ours, theirs in ((TOKEN, POSTGREST_CHEAP), (SESSION, POSTGREST)):
        for peer, target in ((theirs, 1.0), (OBVIOUS, 4.0), (PGBENCH, 0.2)):
            if peer in rates:
                report.ratio(f"{read}: {ours} / {peer}", rates[ours], rates[peer], at_least=target, names=(ours, peer))
    report.rates(read, rates)


def body_sizes(servers: Sequence[Server], probe_requests: int = 1) -> dict[str, list[int]]:
    """Return how long each server's answers are, so that no server is compared with less."""
    sizes: dict[str, list[int]] = {}
    for server in servers:
        for read in READS:
            result = load.run(server.port, [server.requests[read][0][:probe_requests]], 5, again=False)
            sizes.setdefault(server.name, []).append(result.sizes)
    return sizes
