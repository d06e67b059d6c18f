"""Writing: people in bulk against COPY, webhooks against bare inserts, and hand-over against the provider's limit."""

import io
import json
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from api.db.queries import load
from api.dev.home import Home
from tests.bench import load as http
from tests.bench import pgbench
from tests.bench.data import Probe, vault
from tests.bench.ground import API, CONNECTIONS, Ground, resident_mebibytes
from tests.bench.report import Report
from tests.engine import STEPS

SQL = load(Path(__file__).with_name("writes.sql"))
BULK = 10_000
LIMIT_PER_SECOND = 10  # what the simulator is started with: 600 requests in 60 s
ALLOWED_PER_MINUTE = 540


def rows(count: int) -> list[dict[str, Any]]:
    """Return people who are no company's leads yet."""
    mark = secrets.token_hex(3)
    return [
        {
            "email": f"maria.{number}@bulk-{mark}.example.com", "first_name": "Maria", "last_name": "Oliveira",
            "company_name": f"Company {number} Holdings",
            "custom": {"title": "Head of Growth", "city": "Lisbon", "industry": "Software", "employees": number,
                       "website": f"https://company-{number}.example.com", "opener": "I read what you said."},
        }
        for number in range(count)
    ]  # fmt: skip


def bulk(ground: Ground, probes: Sequence[Probe], port: int, report: Report, *, rounds: int) -> None:
    """Add 10,000 people over HTTP, and COPY as many into the twin, in turn."""
    ours: list[float] = []
    copied: list[float] = []
    with ground.connect() as conn:
        conn.execute(SQL.twin_defaults.sql)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
        for probe in probes[30 : 30 + rounds]:
            body = json.dumps({"leads": rows(BULK)}).encode()
            headers = {"Authorization": f"Bearer {probe.token}", "Content-Type": "application/json"}
            draft = {"name": "Bulk", "capability": "email_outreach"}
            campaign = client.post("/v1/campaigns", json=draft, headers=headers).raise_for_status().json()["id"]
            started = time.perf_counter()
            answer = client.post(f"/v1/campaigns/{campaign}/leads", content=body, headers=headers).raise_for_status()
            ours.append(BULK / (time.perf_counter() - started))
            assert answer.json()["counts"]["added"] == BULK
            copied.append(BULK / _copy(ground, probe))
    report.ratio(
        "bulk: 10,000 people over HTTP / COPY into the twin, rows a second", ours, copied, names=("HTTP", "COPY")
    )


def _copy(ground: Ground, probe: Probe) -> float:
    text = io.StringIO()
    for row in rows(BULK):
        custom = json.dumps(row["custom"]).replace("\\", "\\\\")
        domain = row["email"].split("@")[1]
        path = ".".join(reversed(domain.split(".")))
        text.write(
            f"{probe.org_id}\t{probe.company_id}\t{row['email']}\t{row['email']}\t{domain}\t{path}\t"
            f"{row['first_name']}\t{row['last_name']}\t{row['company_name']}\t{custom}\n"
        )
    with ground.connect() as conn, conn.cursor() as cursor:
        started = time.perf_counter()
        with cursor.copy(SQL.copy_people.sql) as copy:
            copy.write(text.getvalue())
        return time.perf_counter() - started


def webhooks(ground: Ground, probe: Probe, port: int, report: Report, *, rounds: int, seconds: float) -> None:
    """Count webhooks that are answered 200, which means stored, against bare inserts of as many bytes."""
    path_token = vault(ground).new_path_token()
    params = {"org_id": probe.org_id, "company_id": probe.company_id, "hmac": secrets.token_bytes(32)}
    with ground.connect() as conn:
        account = conn.execute(SQL.account.sql, params).fetchone()
        assert account is not None
        hmac = vault(ground).token_hmac(path_token, purpose="hook")
        conn.execute(SQL.connection.sql, {**params, "account_id": account[0], "hook_hmac": hmac})
        conn.execute(SQL.bare_webhooks.sql)
    script = pgbench.write(ground.folder, "webhooks", SQL.insert_webhook.sql.decode() + ";\n")
    accepted: list[float] = []
    inserted: list[float] = []
    for _ in range(rounds):
        requests = [[_webhook(path_token) for _ in range(int(seconds * 400))] for _ in range(CONNECTIONS)]
        result = http.run(port, requests, seconds, again=False)
        if result.failed:
            report.note(f"webhooks: {dict(result.statuses)}")
        accepted.append(result.per_second)
        inserted.append(pgbench.run(ground, script, tier="admin", seconds=max(1, round(seconds))).per_second)
    report.ratio(
        "webhooks accepted / bare inserts, per second", accepted, inserted, names=("accepted", "pgbench inserts")
    )


def _webhook(path_token: str) -> bytes:
    body = json.dumps({
        "event_type": "EMAIL_SENT", "campaign_id": 12345, "to_email": "maria@example.com",
        "stats_id": secrets.token_hex(16), "sequence_number": 1, "event_timestamp": "2026-07-11T12:01:58.023+00:00",
    }).encode()  # fmt: skip
    return http.post(f"/hooks/{path_token}", {"Content-Type": "application/json"}, body)


def push(ground: Ground, port: int, report: Report) -> None:
    """Hand 10,000 people over to the simulator, whose limit is ten requests a second of a hundred people each."""
    command = ground.supervisor.commands["smartlead"]
    command[command.index("--rate-limit") + 1] = f"{LIMIT_PER_SECOND * 60}/60"
    keys = {"OUTBOUND_SIMULATED_KEYS": ground.home.state.keys["smartlead"]}
    ground.spawn("smartlead", command, ground.environment(**keys))
    ground.wait("smartlead", f"{ground.home.control_url}/faults")
    httpx.put(f"{ground.home.control_url}/settings", json={"autoplay": False}).raise_for_status()
    allowed = {"OUTBOUND_PROVIDERS__SMARTLEAD__REQUESTS_PER_MINUTE": str(ALLOWED_PER_MINUTE)}
    ground.spawn("worker", [*API[:-1], "worker"], ground.environment(**allowed))
    try:
        campaign, client = _campaign(ground.home, port)
        client.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
        pushed, seconds = _until_pushed(ground, campaign)
        limit = ALLOWED_PER_MINUTE / 60 * 100
        peers = {"handed over": pushed / seconds, "allowed by the budget": limit}
        report.add("people handed over per second / what the request budget allows", pushed / seconds / limit,
                   peers={name: round(value, 1) for name, value in peers.items()})  # fmt: skip
        report.add("memory of the worker after handing over, MiB",
                   resident_mebibytes(ground.processes["worker"].pid))  # fmt: skip
    finally:
        ground.end("worker")
        ground.end("smartlead")


def _campaign(home: Home, port: int) -> tuple[str, httpx.Client]:
    """Make a company that can send, and a campaign of 10,000 people that is ready to start."""
    partner = _client(port, home.state.organizations[0]["org_token"])
    company = partner.post("/partner/v1/companies", json={"name": "Bench"}).raise_for_status().json()["id"]
    made = partner.post("/partner/v1/api-tokens", json={"company_id": company}).raise_for_status().json()
    path = f"/partner/v1/companies/{company}/entitlements/email_outreach"
    partner.put(path, json={"provider": "smartlead"}).raise_for_status()
    credential = {"api_key": home.state.keys["smartlead"]}
    body = {"company_id": company, "provider": "smartlead", "credential": credential}
    partner.post("/partner/v1/connections", json=body).raise_for_status()
    client = _client(port, made["token"])
    campaign = client.post("/v1/campaigns", json={"name": "Bench", "capability": "email_outreach"}).json()["id"]
    client.put(f"/v1/campaigns/{campaign}/sequence", json={"steps": STEPS}).raise_for_status()
    senders = [sender["id"] for sender in client.get("/v1/senders").raise_for_status().json()["data"]]
    client.put(f"/v1/campaigns/{campaign}/senders", json={"sender_ids": senders}).raise_for_status()
    client.post(f"/v1/campaigns/{campaign}/leads", json={"leads": rows(BULK)}).raise_for_status()
    return campaign, client


def _client(port: int, token: str) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}, timeout=60)


def _until_pushed(ground: Ground, campaign: str, seconds: float = 30.0) -> tuple[int, float]:
    """Return how many were handed over, and in how long from the first attempt to the last answer."""
    deadline = time.monotonic() + seconds
    row: Any = None
    with ground.connect() as conn:
        while time.monotonic() < deadline:
            row = conn.execute(SQL.pushed.sql, {"campaign_id": campaign}).fetchone()
            if row and row[0] == BULK:
                break
            time.sleep(0.2)
    return int(row[0]), float(row[1] or 1.0)
