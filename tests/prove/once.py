"""Proof that a person is handed to a provider once, while processes are killed and answers are lost; with a control.

Reads only the simulator's ledger: one `added` for each person, no ask after it, no person missing. The control's worker
leaves out the question, and must show asks after `added`, or this proof would prove nothing.
"""

import random
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from tests.prove.stage import Stage, choose, connected_company, draft, stage

LOSE = {"lost_response": {"rate": 0.2, "paths": ["/leads"], "methods": ["POST"]}}
VICTIMS = {"worker": 4, "api": 1, "postgres": 2, "smartlead": 1}
PER_CAMPAIGN = 750


@dataclass(frozen=True)
class Size:
    """How much is tried."""

    leads: int
    kills: int
    pause: tuple[float, float]
    seconds: float
    people_per_call: int
    per_minute: int = 6000


SIZES = {
    "small": Size(leads=2_250, kills=8, pause=(0.5, 2.0), seconds=1200, people_per_call=10, per_minute=1200),
    "full": Size(leads=24_000, kills=200, pause=(0.5, 3.0), seconds=2400, people_per_call=100),
}
CONTROL = Size(leads=1_500, kills=3, pause=(0.5, 2.0), seconds=600, people_per_call=25)


@dataclass
class Verdict:
    """What the ledger says."""

    people: int
    calls: int
    missing: int
    twice: int
    asks_after: int
    kills: dict[str, int]
    lost_answers: int

    @property
    def proven(self) -> bool:
        """Whether every person was added exactly once, and none was requested again afterwards."""
        return self.missing == self.twice == self.asks_after == 0

    def text(self) -> str:
        """Return one line of counts, with the bound that the zero stands for."""
        kills = ", ".join(f"{count} {name}" for name, count in sorted(self.kills.items())) or "none"
        return (
            f"{self.people} people in {self.calls} batches, kills: {kills}, answers lost: {self.lost_answers}; "
            f"missing {self.missing}, added twice {self.twice}, asked after added {self.asks_after} "
            f"(95% bound of a zero: {3 / max(self.people, 1):.2e} per person)"
        )


def prove(
    size: Size, seed: int, *, worker: list[str] | None = None, label: str = "proof", until_caught: bool = False
) -> Verdict:
    """Push people through an engine whose processes are killed, and return what the ledger says; `until_caught` ends
    with the first person who is requested again."""
    rng = random.Random(seed)
    commands = {} if worker is None else {"worker": worker}
    with stage(commands=commands, people_per_call=size.people_per_call, per_minute=size.per_minute) as running:
        token = connected_company(running)["token"]
        emails = [f"person{number}.{seed}@example.com" for number in range(size.leads)]
        campaigns: list[str] = []
        for start in range(0, len(emails), PER_CAMPAIGN):
            campaigns.append(draft(running, token))
            rows = [{"email": email} for email in emails[start : start + PER_CAMPAIGN]]
            running.ask("POST", f"/v1/campaigns/{campaigns[-1]}/leads", token, json={"leads": rows})
        running.control("PUT", "/settings", json={"autoplay": False})
        running.control("PUT", "/faults", json={**LOSE, "seed": seed})
        for campaign in campaigns:
            running.ask("POST", f"/v1/campaigns/{campaign}/start", token)
        killer = threading.Thread(target=_kill_at_random, args=(running, size, rng), daemon=True)
        killer.start()
        if until_caught:
            return _until_caught(running, emails, size)
        _wait(running, campaigns, token, size, label=label, killer=killer)
        return judge(running.control("GET", "/ledger"), emails, running.kills)


def _kill_at_random(running: Stage, size: Size, rng: random.Random) -> None:
    while (
        sum(running.kills.values()) < size.kills
    ):  # a process that was only just killed is not there to be killed again
        time.sleep(rng.uniform(*size.pause))
        running.kill(choose(rng, VICTIMS))


def _wait(
    running: Stage, campaigns: list[str], token: str, size: Size, *, label: str, killer: threading.Thread
) -> None:
    deadline = time.monotonic() + size.seconds
    stats: dict[str, dict[str, int]] = {}
    while time.monotonic() < deadline:
        for campaign in campaigns:
            if campaign not in stats or not _done(stats[campaign]):
                stats[campaign] = running.ask("GET", f"/v1/campaigns/{campaign}/stats", token)["leads"]
        sums = {name: sum(each[name] for each in stats.values()) for name in ("pushed", "uncertain", "total")}
        print(
            f"\r  {label}: {sums['pushed']:>6} of {sums['total']} handed over, {sums['uncertain']} in doubt, "
            f"{sum(running.kills.values())} kills   ", end="", flush=True,
        )  # fmt: skip
        if all(map(_done, stats.values())) and not killer.is_alive():
            print()
            return
        time.sleep(0.5)
    raise AssertionError(f"not everybody was handed over in {size.seconds} s: {stats}")


def _until_caught(running: Stage, emails: list[str], size: Size) -> Verdict:
    """Wait for the first ask after an `added`. A worker that forgets may leave people behind for ever: one who was seen
    to be written to at the provider, and is taken for never handed over, is in no state from which a hand-over begins.
    """
    deadline = time.monotonic() + size.seconds
    while time.monotonic() < deadline:
        verdict = judge(running.control("GET", "/ledger"), emails, running.kills)
        if verdict.asks_after:
            break
        time.sleep(0.5)
    return verdict


def _done(stats: dict[str, int]) -> bool:
    return stats["pushed"] + stats["failed"] == stats["total"]


def judge(ledger: list[dict[str, Any]], emails: list[str], kills: dict[str, int]) -> Verdict:
    """Count, in the order of the simulator's requests, what became of each person."""
    added: Counter[str] = Counter()
    asks_after = 0
    calls: dict[str, set[str]] = defaultdict(set)
    lost = 0
    for line in ledger:
        asks_after += added[line["email"]] > 0
        added[line["email"]] += line["effect"] == "added"
        lost += not line["answered"]
        calls["all"].add(line["at"])
    return Verdict(
        people=len(emails),
        calls=len(calls["all"]),
        missing=sum(added[email] == 0 for email in emails),
        twice=sum(count > 1 for count in added.values()),
        asks_after=asks_after,
        kills=kills,
        lost_answers=lost,
    )


def control(seed: int) -> Verdict:
    """Run the naive worker, which must be caught."""
    naive = [sys.executable, "-m", "tests.prove.naive_worker"]
    return prove(CONTROL, seed, worker=naive, label="control, which must fail", until_caught=True)


def main(size: str, seed: int) -> bool:
    """Run the proof and its control; return whether both ended as they must."""
    print(f"once: size {size}, seed {seed}")
    verdict = prove(SIZES[size], seed)
    print(f"  {verdict.text()}")
    caught = control(seed)
    print(f"  control: asked after added {caught.asks_after}, which must not be 0")
    return verdict.proven and caught.asks_after > 0
