"""Proof that a webhook answered 2xx is never lost and takes effect once, while the API and Postgres are killed."""

import json
import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import httpx
import psycopg

from tests.prove.stage import Stage, choose, connected_company, draft, stage

VICTIMS = {"api": 1, "postgres": 3}
SENDERS = 8
SPACE = UUID("6f757462-6f75-4e64-8a70-726f6f660000")


@dataclass(frozen=True)
class Size:
    """How much is tried."""

    webhooks: int
    kills: int
    people: int = 50


SIZES = {"small": Size(webhooks=1_200, kills=5), "full": Size(webhooks=60_000, kills=120)}


def prove(size: Size, seed: int, *, durable: bool = True) -> tuple[int, int, int, dict[str, int]]:
    """Send distinct webhooks until each is acknowledged, under kills. Return acknowledged, lost, doubled, kills."""
    rng = random.Random(seed)
    with stage() as running:
        url, bodies = _prepare(running, size, seed)
        if not durable:
            with psycopg.connect(running.home.database_url("admin"), autocommit=True) as conn:
                conn.execute("alter role outbound_public set synchronous_commit = 'off'")
            running.kill("api")  # its connections keep the old setting
            time.sleep(2)
        acknowledged: list[str] = []
        sent = threading.Event()
        killer = threading.Thread(target=_kill_while, args=(running, size, rng, acknowledged, sent), daemon=True)
        senders = [
            threading.Thread(target=_send, args=(url, bodies[n::SENDERS], acknowledged, durable))
            for n in range(SENDERS)
        ]
        for thread in (killer, *senders):
            thread.start()
        for thread in senders:
            thread.join()
        sent.set()
        killer.join()
        lost, doubled = _count(running, acknowledged, seconds=1200)
        return len(acknowledged), lost, doubled, running.kills


def _prepare(running: Stage, size: Size, seed: int) -> tuple[str, list[tuple[str, bytes]]]:
    """Start a campaign, and return the address and the bodies: one `sent` fact each, named by its stats id."""
    token = connected_company(running)["token"]
    campaign = draft(running, token)
    emails = [f"person{number}.{seed}@example.com" for number in range(size.people)]
    rows = [{"email": email} for email in emails]
    running.ask("POST", f"/v1/campaigns/{campaign}/leads", token, json={"leads": rows})
    running.control("PUT", "/settings", json={"autoplay": False})
    running.ask("POST", f"/v1/campaigns/{campaign}/start", token)
    while running.ask("GET", f"/v1/campaigns/{campaign}", token)["sync"]["state"] != "synced":
        time.sleep(0.2)
    theirs = running.control("GET", "/campaigns")[0]["id"]
    url = running.control("GET", f"/campaigns/{theirs}")["webhooks"][0]["webhook_url"]
    bodies = []
    for number in range(size.webhooks):
        stats_id = str(uuid5(SPACE, f"{seed}:{number}"))
        body = {
            "event_type": "EMAIL_SENT",
            "campaign_id": theirs,
            "to_email": emails[number % len(emails)],
            "stats_id": stats_id,
            "sequence_number": 1,
            "event_timestamp": "2026-07-11T12:01:58.023+00:00",
        }
        bodies.append((stats_id, json.dumps(body).encode()))
    return url, bodies


def _send(url: str, bodies: list[tuple[str, bytes]], acknowledged: list[str], again: bool) -> None:
    """Send each body; without `again`, what was not acknowledged is given up, as a sender does that never repeats."""
    with httpx.Client(timeout=60) as client:
        for stats_id, body in bodies:
            for _ in range(200 if again else 1):
                with suppress(httpx.HTTPError):
                    if client.post(url, content=body).status_code == 200:
                        acknowledged.append(stats_id)
                        break
                time.sleep(0.1)


def _kill_while(running: Stage, size: Size, rng: random.Random, acknowledged: list[str], sent: threading.Event) -> None:
    """Kill at points spread over the whole run, so that every kill finds acknowledgements just made."""
    for number in range(1, size.kills + 1):
        deadline = time.monotonic() + 30
        while len(acknowledged) < size.webhooks * number / (size.kills + 1) and time.monotonic() < deadline:
            if sent.is_set():
                return
            time.sleep(0.005)
        running.kill(choose(rng, VICTIMS))
        print(f"\r  ingest: {len(acknowledged)} of {size.webhooks} acknowledged, {number} kills   ", end="", flush=True)
    print()


def _count(running: Stage, acknowledged: list[str], seconds: float) -> tuple[int, int]:
    """Wait until everything stored was read, then count what is missing and what is there twice."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(psycopg.Error), psycopg.connect(running.home.database_url("admin")) as conn:
            waiting = conn.execute("select count(*) from outbound.inbound_webhooks where state = 'received'").fetchone()
            if waiting == (0,):
                keys = conn.execute("select event_key from outbound.events where event_key is not null").fetchall()
                return _compare([str(row[0]) for row in keys], acknowledged)
        time.sleep(0.3)
    raise AssertionError("the stored webhooks were not all read in time")


def _compare(keys: list[str], acknowledged: list[str]) -> tuple[int, int]:
    written: dict[str, Any] = {}
    for key in keys:
        written[key] = written.get(key, 0) + 1
    lost = sum(f"message.sent:{stats_id}" not in written for stats_id in set(acknowledged))
    return lost, sum(count > 1 for count in written.values())


def main(size: str, seed: int) -> bool:
    """Run the proof, and in the full size its control, which must lose some; return whether both ended as they must."""
    print(f"ingest: size {size}, seed {seed}")
    acknowledged, lost, doubled, kills = prove(SIZES[size], seed)
    bound = 3 / max(acknowledged, 1)
    print(f"  {acknowledged} acknowledged, kills {kills}: lost {lost}, doubled {doubled} (95% bound {bound:.2e})")
    if size != "full":
        return lost == doubled == 0
    _, control_lost, _, _ = prove(Size(webhooks=40_000, kills=80), seed, durable=False)
    print(f"  control without durable commits: lost {control_lost}, which must not be 0")
    return lost == doubled == 0 and control_lost > 0
