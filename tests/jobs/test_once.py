"""Every lead arrives once, whichever process dies in the middle; and what is started ends without a trace."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.engine import Company, Engine, add_leads, addresses, draft, wait_for, wait_synced
from tests.jobs.conftest import close
from tests.jobs.provider_state import (
    assert_each_added_once,
    at_provider,
    faults,
    hits,
    ledger_length,
    no_autoplay,
    stats,
    stop_autoplay,
)

PUSHED = 1000
VICTIMS = ("worker", "api", "postgres", "smartlead", "worker")


@pytest.fixture(scope="module")
def own(workplace: Path) -> Iterator[Engine]:
    """An engine of this file's own: its processes are killed."""
    running = Engine.start(workplace / "once")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def company(own: Engine) -> Iterator[Company]:
    organization = own.new_organization()
    yield organization.connected_company()
    close(organization)


@pytest.fixture
def quiet(own: Engine) -> Iterator[None]:
    """Nothing happens at the provider by itself, so that a push is all there is."""
    with no_autoplay(own):
        yield


def kill(engine: Engine, company: Company, name: str) -> None:
    """End a process with SIGKILL and wait until everything answers again."""
    engine.kill(name)
    wait_for("the engine", lambda: is_ready(engine, company), 30)
    stop_autoplay(engine)  # the simulator forgets it when it starts


def begin(company: Company, emails: list[str]) -> str:
    """Start a campaign with these people and do not wait."""
    campaign = draft(company)
    add_leads(company, campaign, emails)
    company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
    return campaign


def requested(engine: Engine, campaign: str) -> int:
    """Return how many hand-overs the provider got requests for."""
    return ledger_length(engine, campaign)


def assert_arrived(engine: Engine, company: Company, campaign: str, emails: list[str]) -> None:
    assert_each_added_once(engine, campaign, emails)
    figures = stats(company, campaign)["leads"]
    assert (figures["pushed"], figures["total"]) == (len(emails), len(emails))
    wait_for("the start", lambda: at_provider(engine, campaign)["status"] == "ACTIVE", 20)


def is_ready(engine: Engine, company: Company) -> bool:
    """Whether API, database and simulator answer again."""
    try:
        engine.is_ready()
        return company.api.get("/v1/capabilities").status_code == 200 and isinstance(hits(engine), dict)
    except httpx.TransportError:
        return False


def test_every_lead_arrives_once_though_processes_are_killed_in_turn(
    own: Engine, company: Company, quiet: None
) -> None:
    emails = addresses(PUSHED)
    with faults(own, slow={"paths": ["/leads"], "methods": ["POST"], "seconds": 0.1}):
        campaign = begin(company, emails)
        for number, name in enumerate(VICTIMS, start=1):
            wait_for("a part", lambda number=number: requested(own, campaign) >= 150 * number, 40)
            kill(own, company, name)
        wait_synced(company, campaign, 60)
    assert_arrived(own, company, campaign, emails)


def test_every_lead_arrives_once_though_answers_are_lost(own: Engine, company: Company, quiet: None) -> None:
    emails = addresses(PUSHED)
    with faults(own, lost_response={"rate": 0.2, "paths": ["/leads"], "methods": ["POST"]}, seed=7):
        campaign = begin(company, emails)
        wait_synced(company, campaign, 60)
        assert hits(own)["lost_response"] >= 2
    assert_arrived(own, company, campaign, emails)


def test_every_lead_arrives_once_though_answers_are_lost_and_the_worker_dies(
    own: Engine, company: Company, quiet: None
) -> None:
    emails = addresses(500)
    with faults(own, lost_response={"rate": 0.3, "paths": ["/leads"], "methods": ["POST"]}, seed=11):
        campaign = begin(company, emails)
        wait_for("a part", lambda: requested(own, campaign) >= 200, 30)
        kill(own, company, "worker")
        wait_synced(company, campaign, 60)
    assert_arrived(own, company, campaign, emails)


def test_a_worker_that_dies_is_replaced(own: Engine) -> None:
    pid = own.dev["pids"]["worker"]
    began = time.monotonic()
    own.kill("worker")
    print(f"a new worker stood after {time.monotonic() - began:.2f} s")
    fresh = own.dev["pids"]["worker"]
    assert fresh != pid
    assert alive(fresh)


@pytest.mark.parametrize("name", ["worker", "api", "smartlead", "postgres"])
def test_a_process_that_is_killed_leaves_no_other_behind(own: Engine, company: Company, name: str) -> None:
    before = set(processes(own.home))
    kill(own, company, name)
    wait_for("as many as before", lambda: len(roots(own)) == len(own.dev["pids"]), 20)
    assert own.dev["pids"][name] not in before


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes(home: Path) -> list[int]:
    """Return the living processes that belong to a home, by their environment or command line."""
    marks = (f"OUTBOUND_HOME={home}\0".encode(), str(home / "postgres").encode(), str(home).encode() + b"\0")
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if any(mark in text for mark in marks) and alive(int(folder.name)) and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def roots(engine: Engine) -> list[int]:
    """Return those of an engine's processes that are not the child of another: Postgres has children of its own."""
    pids = processes(engine.home)
    parents = {pid: int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in pids}
    supervisor = engine.process.pid
    return [pid for pid in pids if parents[pid] not in pids or parents[pid] == supervisor]


@pytest.fixture
def home(workplace: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder for an engine that is started and ended more than once."""
    path = workplace / f"again-{len(request.node.name)}"
    yield path
    for pid in processes(path):
        os.kill(pid, signal.SIGKILL)


def company_names(engine: Engine) -> list[str]:
    first = engine.dev["organizations"][0]
    with engine.client(first["org_token"]) as client:
        rows = client.get("/partner/v1/companies").raise_for_status().json()["data"]
    return sorted(row["name"] for row in rows)


def test_ctrl_c_leaves_no_process_and_a_second_start_keeps_the_data(home: Path) -> None:
    first = Engine.start(home)
    pids = first.dev["pids"]
    assert set(pids) == {"supervisor", "api", "worker", "postgres", "smartlead", "instantly", "heyreach"}
    assert all(alive(pid) for pid in pids.values())
    names, dev = company_names(first), first.dev
    began = time.monotonic()
    first.stop()
    print(f"Ctrl-C took {time.monotonic() - began:.1f} s")
    assert first.process.returncode == 0
    assert [name for name, pid in pids.items() if alive(pid)] == []
    assert processes(home) == []
    began = time.monotonic()
    second = Engine.start(home)
    print(f"the second start took {time.monotonic() - began:.1f} s")
    try:
        assert company_names(second) == names
        for name in ("api_url", "organizations", "database_urls", "simulators"):
            assert second.dev[name] == dev[name]
    finally:
        second.stop()
    assert processes(home) == []


def test_a_supervisor_that_was_killed_is_followed_by_one_that_cleans_up(home: Path) -> None:
    first = Engine.start(home)
    names, left = company_names(first), dict(first.dev["pids"])
    first.process.kill()
    first.process.wait()
    del left["supervisor"]
    second = Engine.start(home)
    try:
        assert [name for name, pid in left.items() if alive(pid)] == []
        assert len(roots(second)) == len(second.dev["pids"])
        assert company_names(second) == names
    finally:
        second.stop()
    assert processes(home) == []


def test_what_is_kept_for_programs_and_shells_is_private(own: Engine) -> None:
    for name in ("dev.json", "dev.env", "state.json"):
        assert (own.home / name).stat().st_mode & 0o777 == 0o600
