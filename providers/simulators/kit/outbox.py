"""Webhook delivery: what stands in the outbox is posted at least once, in no certain order, until taken."""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from providers.simulators.kit.clock import Ticker
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.store import Object, Row, Store

# Far shorter than the live services' minutes and hours: a test has to see the retry.
RETRY_AFTER = (0.5, 1.0, 2.0, 5.0, 10.0)
LAST_RETRY_AFTER = 15.0
ATTEMPTS = 40
AT_ONCE = 64
TIMEOUT = 10.0
IDLE = 0.03


@dataclass(frozen=True)
class Letter:
    """One webhook body on its way to one address."""

    webhook_id: int | str
    url: str
    event_type: str
    email: str | None
    body: str
    level: str = ""


@dataclass(frozen=True)
class Attempt:
    """What came of one try; `status` or `error` is None. `number` counts from 1, `last` is true for a failure
    after which no other try follows."""

    number: int
    status: int | None
    error: str | None
    milliseconds: int
    answer: str
    last: bool

    @property
    def taken(self) -> bool:
        """Return whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


def post(store: Store, chosen: Object, letter: Letter) -> None:
    """Queue a letter, as often and as late as the options `duplicates` and `order` say."""
    chance = int.from_bytes(hashlib.sha256(letter.body.encode()).digest()[:4]) / 2**32
    copies = 2 if chance < float(chosen["duplicates"]) else 1
    for copy in range(copies):
        # Carrying is between two real machines: it keeps the real time.
        due_at = _due_at(time.time(), str(chosen["order"]), (chance * 7919) % 1.0)
        store.insert("outbox", {**vars(letter), "due_at": due_at + 0.2 * copy})


def _due_at(now: float, order: str, drawn: float) -> float:
    """Return when a letter leaves: at once, within a second, or with its second's letters in the other order."""
    if order == "scattered":
        return now + drawn
    return 2 * math.floor(now + 1) - now if order == "newest_first" else now


def no_headers(row: Row, content: bytes) -> dict[str, str]:
    """Add nothing to what every delivery has."""
    del row, content
    return {}


def unheard(row: Row, attempt: Attempt) -> None:
    """Take no notice of an attempt."""
    del row, attempt


class Courier:
    """Carries the outbox to the receivers, except while the switch `webhook_outage` holds it back."""

    def __init__(
        self,
        store: Store,
        faults: Faults,
        *,
        headers: Callable[[Row, bytes], dict[str, str]] = no_headers,
        noted: Callable[[Row, Attempt], None] = unheard,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._store = store
        self._faults = faults
        self._headers = headers
        self._noted = noted
        self._attempts = attempts
        self._carrying: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Deliver for ever."""
        # What was on its way when the process ended may have arrived or not: it is sent again.
        with self._store.transaction():
            self._store.run("update outbox set state = 'waiting' where state = 'sending'")
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        async with httpx.AsyncClient(timeout=TIMEOUT, limits=limits, trust_env=False) as client:
            ticker = Ticker(self._store.clock, lambda: self._store.changes, IDLE)
            while True:
                for row in self._claim(AT_ONCE - len(self._carrying)):
                    task = asyncio.create_task(self._carry(client, row))
                    self._carrying.add(task)
                    task.add_done_callback(self._carrying.discard)
                if len(self._carrying) < AT_ONCE:
                    await ticker.wait()
                else:
                    await asyncio.sleep(IDLE / 10)

    def _claim(self, room: int) -> list[Row]:
        if self._faults.on("webhook_outage"):
            return []
        due = self._store.all(
            "select * from outbox where state = 'waiting' and due_at <= ? order by due_at limit ?",
            time.time(),
            room,
        )
        if due:
            with self._store.transaction():
                self._store.many("update outbox set state = 'sending' where id = ?", [(row["id"],) for row in due])
        return due

    async def _carry(self, client: httpx.AsyncClient, row: Row) -> None:
        content = str(row["body"]).encode()
        status, error, answer, began = None, None, "", time.monotonic()
        headers = {"Content-Type": "application/json", **self._headers(row, content)}
        try:
            response = await client.post(row["url"], content=content, headers=headers)
            status, answer = response.status_code, response.reason_phrase
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as failure:
            error = type(failure).__name__
        number = row["attempt"] + 1
        taken = round((time.monotonic() - began) * 1000)
        self._record(row, Attempt(number, status, error, taken, answer, last=number >= self._attempts))

    def _record(self, row: Row, attempt: Attempt) -> None:
        line = {
            "at": self._store.clock.stamp(),
            **{name: row[name] for name in ("webhook_id", "event_type", "email")},
            "status": attempt.status,
            "error": attempt.error,
            "attempt": attempt.number,
        }
        with self._store.transaction():
            self._store.insert("deliveries", line)
            if attempt.taken:
                self._store.run("delete from outbox where id = ?", row["id"])
            else:
                self._put_back(row, attempt)
            self._noted(row, attempt)

    def _put_back(self, row: Row, attempt: Attempt) -> None:
        later = RETRY_AFTER[attempt.number - 1] if attempt.number <= len(RETRY_AFTER) else LAST_RETRY_AFTER
        self._store.run(
            "update outbox set state = ?, attempt = ?, due_at = ? where id = ?",
            "given_up" if attempt.last else "waiting",
            attempt.number,
            time.time() + later,
            row["id"],
        )
