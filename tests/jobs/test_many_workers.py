"""Four workers on one database: every lane has its run and only one at a time, what is urgent first, also where
a worker is killed or stalls meanwhile."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from api.access.vault import SealedField, Vault
from api.settings import Settings
from tests.bench.growth import SQL
from tests.database.tenants import untriggered
from tests.engine import wait_for
from tests.jobs.test_hung import due, environment
from tests.support.in_process import settings_of
from tests.support.ports import free_port
from tests.support.stub import JsonHandler, added

ORGANIZATIONS = 100  # of two accounts each
URGENT = 8
PEOPLE = 2  # in each lane, and each is a request
QUICK = {
    "OUTBOUND_HEARTBEAT_SECONDS": "0.5", "OUTBOUND_STALL_SECONDS": "3", "OUTBOUND_SWEEP_SECONDS": "5",
    "OUTBOUND_SETTLE_AFTER_SECONDS": "1", "OUTBOUND_LEADS_PER_REQUEST": "1", "OUTBOUND_LOG_FORMAT": "json",
    "OUTBOUND_PROVIDERS__SMARTLEAD__REQUESTS_PER_MINUTE": "6000",
    "OUTBOUND_PROVIDERS__SMARTLEAD__REQUESTS_PER_BURST": "0",
    "OUTBOUND_PROVIDERS__SMARTLEAD__REQUESTS_PER_HOUR": "0",
}  # fmt: skip


class Provider(ThreadingHTTPServer):
    """A provider that each worker reaches at an address of its own, and that keeps its answers to some of them back."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", free_port()), Handler)
        self.lock = threading.Lock()
        self.running: set[tuple[str, str]] = set()  # worker and account of each request at this moment
        self.gone: set[str] = set()  # workers that hear no answer any more
        self.overlaps: list[str] = []
        self.added: list[tuple[str, str, str]] = []  # worker, account and person, as they came
        self.requests: list[tuple[str, str]] = []  # worker and account
        self.answers: dict[str, threading.Event] = {}  # what is not set keeps its worker waiting

    def requests_for(self, account: "Account") -> list[str]:
        """Return which workers sent requests, one after the other."""
        return [worker for worker, key in self.requests if key == str(account.id)]

    def answer_all(self) -> None:
        """Keep no worker waiting."""
        for answers in self.answers.values():
            answers.set()


class Handler(JsonHandler):
    server: Provider

    def respond(self) -> None:
        key, worker, body = self.api_key, self.path.split("/")[1], self.body()
        with self.server.lock:
            self.server.requests.append((worker, key))
            if {by for by, account in self.server.running if account == key} - self.server.gone:
                self.server.overlaps.append(key)
            self.server.running.add((worker, key))
            is_of_people = self.address.endswith("/leads")
            answer = self._people(worker, key, json.loads(body or b"{}")) if is_of_people else []
        time.sleep(0.02)
        self.server.answers[worker].wait(60)
        with self.server.lock:
            self.server.running.discard((worker, key))
        self.send_json(answer)

    def _people(self, worker: str, key: str, body: dict[str, Any]) -> Any:
        """Take people in, or say who is there."""
        if self.command == "GET":
            return [{"email": email, "id": 7} for _, account, email in self.server.added if account == key]
        emails = [person["email"] for person in body["lead_list"]]
        self.server.added += [(worker, key, email) for email in emails]
        return added(emails)

    def handle_one_request(self) -> None:
        """A killed worker waits for no answer."""
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True


@dataclass(frozen=True)
class Account:
    """An account with a connection of one company."""

    org_id: UUID
    company_id: UUID
    id: UUID


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = Provider()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.answer_all()
    server.shutdown()
    thread.join()
    server.server_close()


def accounts(conn: Connection[Any], settings: Settings, organizations: int) -> list[Account]:
    """Make organizations with two accounts each, every one of which has people to hand over."""
    vault = Vault.from_settings(settings)
    with untriggered(conn):
        conn.execute(SQL["add_organizations"].sql, {"first": 1, "last": organizations})
        rows = conn.execute("select org_id, company_id, account_id, id from outbound.connections").fetchall()
        with conn.cursor() as cursor:
            cursor.executemany(
                "update outbound.connections set credential = %s, hook_token = %s where id = %s",
                [
                    (
                        vault.seal(str(account).encode(), SealedField(org, "connections", "credential", connection)),
                        vault.seal(b"hook", SealedField(org, "connections", "hook_token", connection)),
                        connection,
                    )
                    for org, _, account, connection in rows
                ],
            )
        conn.execute(
            "update outbound.campaign_leads as e set push_state = 'pending', status = 'queued', pushed_at = null"
            " from (select id, row_number() over (partition by company_id order by id) as n"
            " from outbound.campaign_leads) as p where e.id = p.id and p.n <= %s",
            [PEOPLE],
        )
    return [Account(org, company, account) for org, company, account, _ in rows]


@contextmanager
def workers(
    settings: Settings, provider: Provider, folder: Path, amount: int, *, answering: bool = True
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Run so many workers by name, each with a log of its own; not `answering`, they wait for their first answer."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name in map(str, range(1, amount + 1)):
            provider.answers[name] = threading.Event()
            if answering:
                provider.answers[name].set()
            url = f"http://127.0.0.1:{provider.server_address[1]}/{name}"
            with (folder / name).open("wb") as log:
                running[name] = subprocess.Popen(
                    [sys.executable, "-m", "api.cli", "worker"], stdout=log, stderr=log,
                    env={**environment(settings), **QUICK, "OUTBOUND_PROVIDERS__SMARTLEAD__URL": url},
                )  # fmt: skip
        yield running
    finally:
        provider.answer_all()
        for process in running.values():
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        for process in running.values():
            process.wait(60)


def handed_over(conn: Connection[Any]) -> bool:
    """Whether no lead waits any more, and no job is left."""
    ask = (
        "select (select count(*) from outbound.campaign_leads where push_state <> 'pushed'),"
        " (select count(*) from jobs.procrastinate_jobs)"
    )
    return conn.execute(ask).fetchone() == (0, 0)


def test_four_workers_run_every_lane_and_take_over_from_one_that_is_killed(
    postgresql: Connection[Any], provider: Provider, tmp_path: Path
) -> None:
    postgresql.autocommit = True
    settings = settings_of(postgresql)
    lanes = accounts(postgresql, settings, ORGANIZATIONS)
    urgent = {str(account.id) for account in lanes[-URGENT:]}
    for account in lanes:
        with postgresql.transaction():
            postgresql.execute("select ctx.set_scope(%s, null, null, 'worker')", [account.org_id])
            postgresql.execute("select jobs.wake(%s, %s)", [account.company_id, str(account.id) in urgent])
    taken = "select count(*) from jobs.procrastinate_jobs where status = 'doing'"
    with workers(settings, provider, tmp_path, 4) as running:
        provider.answers["1"].clear()
        wait_for("lanes of the first worker", lambda: any(worker == "1" for worker, _, _ in provider.added))
        wait_for("the others' lanes", lambda: len({key for _, key, _ in provider.added}) > len(lanes) // 3)
        running["1"].kill()
        running["1"].wait()
        assert (postgresql.execute(taken).fetchone() or (0,))[0] > 0, "what it had taken waits for another"
        provider.gone.add("1")
        wait_for("all lanes", lambda: handed_over(postgresql))
    order = list(dict.fromkeys(key for _, key, _ in provider.added))
    assert set(order) == {str(account.id) for account in lanes}
    assert max(map(order.index, urgent)) < len(lanes) // 3, "before those that came earlier"
    assert not provider.overlaps
    assert {*Counter((key, email) for _, key, email in provider.added).values()} == {1}, "no lead twice"
    assert {worker for worker, _, _ in provider.added} == {"1", "2", "3", "4"}
    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    assert postgresql.execute(deadlocks).fetchone() == (0,)


def test_a_stalled_worker_leaves_its_lane_to_the_one_that_has_it_now(
    postgresql: Connection[Any], provider: Provider, tmp_path: Path
) -> None:
    postgresql.autocommit = True
    settings = settings_of(postgresql)
    account = accounts(postgresql, settings, 1)[0]
    due(postgresql, account.org_id, "account.work", account.id)
    with workers(settings, provider, tmp_path, 2, answering=False) as running:
        wait_for("both", lambda: postgresql.execute(
            "select 1 from jobs.procrastinate_workers having count(*) = 10"
        ).fetchone())  # fmt: skip
        wait_for("a request", lambda: provider.requests_for(account))
        (first,) = provider.requests_for(account)
        os.kill(running[first].pid, signal.SIGSTOP)
        provider.gone.add(first)
        wait_for("the other's request", lambda: provider.requests_for(account)[1:])
        assert provider.requests_for(account)[1] != first
        provider.answers[first].set()
        os.kill(running[first].pid, signal.SIGCONT)
        wait_for("its end", lambda: "lane lost" in (tmp_path / first).read_text() or provider.overlaps)
        assert not provider.overlaps, "another has the lane"
        provider.answer_all()
        wait_for("everybody", lambda: postgresql.execute(
            "select 1 from outbound.campaign_leads where company_id = %s having bool_and(push_state = 'pushed')",
            [account.company_id],
        ).fetchone())  # fmt: skip
    assert {*Counter(email for _, key, email in provider.added if key == str(account.id)).values()} == {1}
