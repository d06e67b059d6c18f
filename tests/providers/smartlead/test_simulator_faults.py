"""The simulator's fault switches, and what the ledger says of each."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.providers.smartlead.simulator_fixture import Simulator, own, running, sim

__all__ = ["own", "running", "sim"]


def lines(sim: Simulator, campaign: int) -> list[tuple[str, bool]]:
    return [(line["effect"], line["answered"]) for line in sim.ledger(campaign)]


def add(sim: Simulator, campaign: int, email: str = "fault@here.com") -> httpx.Response:
    return sim.ask("POST", f"/campaigns/{campaign}/leads", {"lead_list": [{"email": email}]})


@pytest.mark.parametrize("name", ["rate_limited", "429"])
def test_rate_limited_does_no_work(sim: Simulator, name: str) -> None:
    campaign = sim.campaign()
    sim.faults(**{name: {"seconds": 3}})
    answer = add(sim, campaign)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert answer.json()["error"]["retry_after"] == 3
    assert lines(sim, campaign) == [("none", True)]


@pytest.mark.parametrize("name", ["server_error", "500"])
def test_server_error_does_no_work(sim: Simulator, name: str) -> None:
    campaign = sim.campaign()
    sim.faults(**{name: True})
    assert add(sim, campaign).status_code == 500
    sim.faults()
    assert lines(sim, campaign) == [("none", True)]
    assert sim.get(f"/campaigns/{campaign}/leads")["total_leads"] == "0"


def test_slow_waits_and_then_works(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.faults(slow={"seconds": 0.3})
    began = time.monotonic()
    assert add(sim, campaign, "slow@here.com").status_code == 200
    assert time.monotonic() - began >= 0.3
    assert lines(sim, campaign) == [("added", True)]


def test_a_lost_response_has_done_its_work(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.faults(lost_response=True)
    with pytest.raises(httpx.RemoteProtocolError):
        add(sim, campaign, "lost@here.com")
    sim.faults()
    assert sim.get(f"/campaigns/{campaign}/leads")["total_leads"] == "1"
    assert lines(sim, campaign) == [("added", False)]


def test_a_malformed_answer_has_done_its_work(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.faults(malformed=True)
    answer = add(sim, campaign, "malformed@here.com")
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()
    assert lines(sim, campaign) == [("added", True)]


def test_a_switch_can_be_narrowed(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.faults(server_error={"times": 2, "paths": ["leads"], "methods": ["POST"]})
    assert sim.ask("GET", f"/campaigns/{campaign}/leads").status_code == 200
    assert sim.ask("GET", "/campaigns").status_code == 200
    assert [add(sim, campaign).status_code for _ in range(3)] == [500, 500, 200]
    assert sim.control.get("/faults/hits").json() == {"server_error": 2}


def test_a_seed_repeats_itself(sim: Simulator) -> None:
    def run() -> list[int]:
        sim.faults(server_error=0.5, seed=7)
        return [sim.ask("GET", "/campaigns").status_code for _ in range(30)]

    first = run()
    assert set(first) == {200, 500}
    assert run() == first


def test_putting_replaces_the_whole_set(sim: Simulator) -> None:
    sim.faults(slow={"rate": 0.1, "seconds": 1}, seed=3)
    assert sim.control.get("/faults").json() == {"slow": {"rate": 0.1, "seconds": 1}, "seed": 3}
    sim.faults(malformed=0.0)
    assert sim.control.get("/faults").json() == {"malformed": 0.0}
    sim.faults()
    assert sim.control.get("/faults").json() == {}


@pytest.mark.parametrize(
    "bad",
    [
        {"explode": True},
        {"slow": 2},
        {"slow": "yes"},
        {"slow": {"speed": 1}},
        {"slow": {"times": -1}},
        {"slow": {"paths": "leads"}},
        {"seed": "x"},
        ["slow"],
    ],
)
def test_a_set_that_makes_no_sense_is_refused_with_the_names(sim: Simulator, bad: Any) -> None:
    sim.faults(slow=0.0)
    answer = sim.control.put("/faults", json=bad)
    assert answer.status_code == 422
    assert "lost_response" in answer.json()["error"]
    assert sim.control.get("/faults").json() == {"slow": 0.0}


def test_the_set_outlives_the_process(own: Callable[..., Simulator]) -> None:
    sim = own()
    sim.faults(server_error={"times": 2}, seed=5)
    assert sim.ask("GET", "/campaigns").status_code == 500
    sim.kill()
    sim.start()
    assert sim.control.get("/faults").json() == {"server_error": {"times": 2}, "seed": 5}
    assert [sim.ask("GET", "/campaigns").status_code for _ in range(2)] == [500, 200]


def test_the_rate_limit_is_in_the_ledger(own: Callable[..., Simulator]) -> None:
    sim = own(rate_limit="1/60")
    sim.clock(speed=0)
    assert add(sim, 1).status_code == 404
    assert add(sim, 1).status_code == 429
    assert lines(sim, 1) == [("none", True), ("none", True)]
