"""Proof that several workers together send one account what its budget allows: nearly all of it, and never more.

The simulated provider refuses what goes past the same limit, so one request too many would be a 429.
"""

import time
from dataclasses import dataclass

from tests.prove.stage import Stage, connected_company, draft, stage

PER_MINUTE, WORKERS = 600, 4
USED = 0.95
SECONDS = {"small": 6.0, "full": 30.0}


@dataclass
class Pace:
    """What was sent while it was measured."""

    seconds: float
    requests: int
    refused: int

    @property
    def used(self) -> float:
        """The part of the budget that was used."""
        return self.requests / (PER_MINUTE * self.seconds / 60)

    @property
    def proven(self) -> bool:
        """Whether nearly all of the budget was used, and nothing was refused."""
        return self.used >= USED and self.refused == 0

    def text(self) -> str:
        """Return one line of counts."""
        return (
            f"{self.requests} requests in {self.seconds:.1f} s by {WORKERS} workers: {self.used:.1%} of {PER_MINUTE} a "
            f"minute, {self.refused} refused"
        )


def prove(seconds: float, windows: int = 1) -> Pace:
    """Hand people over one by one as fast as the budget allows, and count for a while.

    Of several windows the best one counts, where other work may take the machine for a moment; of refusals all do.
    """
    with stage(workers=WORKERS, people_per_call=1, per_minute=PER_MINUTE, rate_limit=f"{PER_MINUTE}/60") as running:
        token = connected_company(running)["token"]
        campaign = draft(running, token)
        rows = [
            {"email": f"person{number}@example.com"}
            for number in range(int(PER_MINUTE * (seconds * windows + 20) / 60))
        ]
        running.ask("POST", f"/v1/campaigns/{campaign}/leads", token, json={"leads": rows})
        running.control("PUT", "/settings", json={"autoplay": False})
        running.control("PUT", "/faults", json={"slow": {"rate": 1, "seconds": 0}})  # counts every request
        running.ask("POST", f"/v1/campaigns/{campaign}/start", token)
        while _pushed(running, campaign, token) < PER_MINUTE / 60:
            time.sleep(0.1)
        measured = [_window(running, seconds) for _ in range(windows)]
        logs = "".join(path.read_text() for path in (running.home.path / "logs").glob("worker*.log"))
        took, sent = max(measured, key=lambda window: window[1] / window[0])
        return Pace(took, sent, logs.count(": 429"))


def _window(running: Stage, seconds: float) -> tuple[float, int]:
    before, began = _requests(running), time.monotonic()
    time.sleep(seconds)
    return time.monotonic() - began, _requests(running) - before


def _pushed(running: Stage, campaign: str, token: str) -> int:
    return int(running.ask("GET", f"/v1/campaigns/{campaign}/stats", token)["leads"]["pushed"])


def _requests(running: Stage) -> int:
    return int(running.control("GET", "/faults/hits").get("slow", 0))


def main(size: str, seed: int) -> bool:
    """Measure and say what came out; return whether it was as it must be."""
    print(f"pace: size {size}")
    pace = prove(SECONDS[size])
    print(f"pace: {pace.text()}")
    return pace.proven
