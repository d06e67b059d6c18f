"""Every route, every attacker, every place for an id: the answers are right, alike, and empty of the victim."""

import base64
import json
import random
import re
import time
import uuid
from binascii import Error as BadBase64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.engine import Engine
from tests.prove.http.asks import Ask, Operation, base, known_id, operations, with_body, with_path, with_query
from tests.prove.http.attackers import REQUEST_ID, UUID, Attacker
from tests.prove.http.ground import Ground, Side

# The time of day, and how much of its own limit a caller has left.
MASKED = {b"date", b"ratelimit-remaining", b"ratelimit-reset"}
# Written down by the engine itself, some time after a token was used.
NOTED = ("last_used_at", "updated_at")
# How much of a budget is used: that goes down by itself as time goes on.
USED = ("used", "held_until")
DROPPED = {
    "api_tokens": NOTED,
    "provider_accounts": (
        "block_list_due",
        "block_list_after",
        "budget_at",
        "used_by_minute",
        "used_minute",
        "updated_at",
    ),
}
CURSOR = re.compile(r'"next_cursor"\s*:\s*"([^"]+)"')
Probe = tuple[Attacker, str, Ask, Ask | None]  # who, the place, what, and the same about an id that no row has


@dataclass
class Findings:
    """What came out."""

    counts: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def count(self, what: str, amount: int = 1) -> None:
        """Add to a count."""
        self.counts[what] = self.counts.get(what, 0) + amount


def probes(ground: Ground, every_attacker: list[Attacker], rng: random.Random, share: float) -> list[Probe]:
    """Return what is tried: all of it, or a share in which each route and each attacker still is."""
    chosen: list[Probe] = []
    for operation in operations():
        whole = [probe for attacker in every_attacker for probe in _of(ground, attacker, operation, rng)]
        chosen += whole if share >= 1 else rng.sample(whole, max(1, round(len(whole) * share)))
    rng.shuffle(chosen)
    # A probe that ends its session comes last: there is nothing to try with it afterwards.
    return sorted(chosen, key=lambda probe: probe[2].url.startswith("/v1/auth/logout"))


def _of(ground: Ground, attacker: Attacker, operation: Operation, rng: random.Random) -> Iterator[Probe]:
    def random_id() -> str:
        return str(uuid.UUID(int=rng.getrandbits(128), version=4))

    victim = ground.victim
    call = base(operation, attacker.side, attacker.tier, victim)
    place = "path" if operation.path_ids else "nowhere"
    if attacker.expected(operation, place) is None:
        return
    random_path = with_path(call, {name: random_id() for name in operation.path_ids}) if operation.path_ids else None
    yield attacker, place, call, random_path
    if attacker.kind != "foreign" or attacker.expected(operation, place) == {403}:
        return
    own = base(operation, attacker.side, attacker.tier, attacker.side) if _has_own(attacker, operation) else call
    for name in operation.query_ids:
        foreign = known_id(victim, operation, name)
        yield attacker, f"query {name}", with_query(own, name, foreign), with_query(own, name, random_id())
    for name, listed in operation.body_ids:
        foreign = known_id(victim, operation, name.removesuffix("s"))
        yield (
            attacker, f"body {name}", with_body(own, name, foreign, listed), with_body(own, name, random_id(), listed)
        )  # fmt: skip


def _has_own(attacker: Attacker, operation: Operation) -> bool:
    return all(name in attacker.side.ids for name in operation.path_ids)


def likeness(answer: httpx.Response) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return all that can be seen of an answer; every attacker sends the same request id."""
    headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in MASKED]
    return answer.status_code, headers, answer.content


def seen(answer: httpx.Response) -> str:
    """Return everything of an answer as text, with what its cursor stands for."""
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    text = f"{answer.status_code} {answer.reason_phrase}\n{headers}\n{answer.text}"
    for cursor in CURSOR.findall(answer.text):
        try:
            text += "\n" + base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode(errors="replace")
        except BadBase64:
            continue
    return text.lower()


def shown_of(victim: Side, blind: frozenset[str], answer: httpx.Response) -> list[str]:
    """Return what an answer holds of the victim's."""
    text = seen(answer)
    return [word for word in (victim.mark,) if word in text] + sorted(set(UUID.findall(text)) & blind)


def ask(client: httpx.Client, call: Ask) -> httpx.Response:
    """Send a request."""
    return client.request(call.operation.method, call.url, **call.sent())


def attack(ground: Ground, tried: list[Probe], found: Findings, progress: Callable[[str], None]) -> None:
    """Make every probe and judge its answers."""
    for number, (attacker, place, call, alike) in enumerate(tried, start=1):
        answer = ask(attacker.client, call)
        _judge(ground, attacker, place, (call, answer), found)
        found.count("probes")
        found.count(f"by {attacker.kind}")
        if alike is not None:
            other = ask(attacker.client, alike)
            found.count("probes")
            found.count("compared with an id of nobody's")
            _judge(ground, attacker, place, (alike, other), found)
            if likeness(answer) != likeness(other):
                found.failures.append(
                    f"{_line(attacker, place, call)}: told apart: {likeness(answer)} and {likeness(other)}"
                )
        if number % 500 == 0:
            progress(f"{number} of {len(tried)} pairs, {len(found.failures)} failures")


def _judge(
    ground: Ground, attacker: Attacker, place: str, exchange: tuple[Ask, httpx.Response], found: Findings
) -> None:
    call, answer = exchange
    expected = attacker.expected(call.operation, place) or set()
    if answer.status_code not in expected:
        found.failures.append(
            f"{_line(attacker, place, call)}: {answer.status_code}, not {sorted(expected)}: {answer.text[:300]}"
        )
    if shown := shown_of(ground.victim, attacker.blind, answer):
        found.failures.append(f"{_line(attacker, place, call)}: shows {shown[:5]}: {answer.text[:300]}")


def _line(attacker: Attacker, place: str, call: Ask) -> str:
    sent = "" if call.body is None else " " + json.dumps(call.body)
    params = f" {call.params}" if call.params else ""
    return f"{attacker.name}: {call.operation.method} {call.url}{params}{sent} ({place})"


def owners(ground: Ground, operation: Operation) -> dict[str, httpx.Client]:
    """Return who may ask for an operation about the victim."""
    victim, engine = ground.victim, ground.engine
    if operation.path.startswith("/platform/"):
        return {"platform": engine.client(ground.operator)}
    if operation.path.startswith("/partner/"):
        return {"org": victim.org.api, "org session": ground.admin.api}
    return {"company": victim.company.api, "company session": ground.keeper.api}


def positives(ground: Ground, found: Findings, progress: Callable[[str], None]) -> None:
    """Let the rightful owner ask for everything that was refused, in an order in which all of it can succeed."""
    done: dict[str, bool] = {}
    for operation in operations():
        for who, client in owners(ground, operation).items():
            if who.endswith("session") and operation.method != "GET" and "/logout" not in operation.path:
                continue
            if operation.path.startswith("/v1/auth/logout") and not who.endswith("session"):
                continue
            if operation.path.endswith("/logout-everywhere"):
                fresh = ground.engine.login(ground.keeper.slug, ground.keeper.email)
                client.headers["Authorization"] = f"Bearer {fresh['access_token']}"
            for place, call in _rightful(ground, operation):
                key = f"{who} {operation.key} {call.url} {call.params} {sorted((call.body or {}).items())}"
                if key in done and operation.rank[0] >= 10:
                    continue  # a place whose id stands in the plain request already
                answer = ask(client, call)
                done[key] = answer.is_success
                found.count("positives")
                if not answer.is_success:
                    found.failures.append(
                        f"the owner ({who}), {place}: {operation.key}: {answer.status_code} {answer.text[:300]}"
                    )
    progress(f"{found.counts.get('positives', 0)} positives")


def _rightful(ground: Ground, operation: Operation) -> Iterator[tuple[str, Ask]]:
    victim = ground.victim
    call = base(operation, victim, None, victim)
    yield "plain", call
    for name in operation.query_ids:
        yield f"query {name}", with_query(call, name, known_id(victim, operation, name))
    for name, listed in operation.body_ids:
        if name not in (call.body or {}):
            fresh = base(operation, victim, None, victim)
            yield f"body {name}", with_body(fresh, name, known_id(victim, operation, name.removesuffix("s")), listed)


def snapshot(ground: Ground) -> dict[str, Any]:
    """Return all that the owner can read of what is theirs."""
    read: dict[str, Any] = {}
    for operation in operations():
        if operation.method == "GET" and not operation.path.endswith("/export"):  # a file of the same rows as the list
            for who, client in owners(ground, operation).items():
                call = base(operation, ground.victim, None, ground.victim)
                answer = ask(client, with_query(call, "limit", "200") if operation.paged else call)
                is_json = answer.headers["content-type"].startswith("application/json")
                shown = answer.json() if is_json else answer.text
                read[f"{who} {operation.path}"] = _steady(shown, ground.sibling.companies)
    # The operator's list contains every organization, and others may come and go.
    return {name: value for name, value in read.items() if not name.endswith("/platform/v1/organizations")}


def _steady(value: Any, sibling: list[str]) -> Any:
    """Take out what changes by itself, of tokens and of budgets, and the rows of the sibling, who may change them."""
    if isinstance(value, dict):
        drop = NOTED if "last_used_at" in value else USED if {"limit", "windows"} & value.keys() else ()
        return {name: _steady(item, sibling) for name, item in value.items() if name not in drop}
    if not isinstance(value, list):
        return value
    theirs = {*sibling}
    rows = (row for row in value if not isinstance(row, dict) or not {row.get("company_id"), row.get("id")} & theirs)
    return [_steady(row, sibling) for row in rows]


def census(engine: Engine, side: Side, sibling: Side) -> dict[str, str]:
    """Return the number and the digest of an organization's rows in every table, the sibling's apart."""
    with engine.sql() as sql:
        tables = sql.execute(
            "select table_name as name from information_schema.columns as c join information_schema.tables as t"
            " using (table_schema, table_name) where table_schema = 'outbound' and t.table_type = 'BASE TABLE'"
            " group by 1 having bool_or(column_name = 'org_id') or table_name = 'organizations' order by 1"
        ).fetchall()
        digests = {}
        # What a lane keeps of an account's own block list changes when the lane comes to it, and no request changes it.
        for name in [table["name"] for table in tables if table["name"] != "block_list_entries"]:
            key, company = (
                ("id" if name == "organizations" else "org_id"),
                "id" if name == "companies" else "company_id",
            )
            drop = ", ".join(f"'{column}'" for column in DROPPED.get(name, ()))
            text = f"(to_jsonb(t) - array[{drop}]::text[])::text"
            query = (
                f"select count(*) || ' ' || coalesce(md5(string_agg({text}, '' order by {text})), '') as digest"  # noqa: S608
                f" from outbound.{name} as t"
                f" where {key} = %s and not coalesce(to_jsonb(t) ->> '{company}', '') = any(%s)"
            )
            row = sql.execute(query.encode(), [side.org.id, sibling.companies]).fetchone() or {}
            digests[name] = str(row["digest"])
    return digests


def quiet(engine: Engine, side: Side, sibling: Side, seconds: float = 30) -> dict[str, str]:
    """Return the census once nothing changes any more by itself."""
    before, deadline = census(engine, side, sibling), time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(1.0)
        after = census(engine, side, sibling)
        if after == before:
            return after
        before = after
    raise AssertionError("the victim's rows do not come to rest")


def differences(before: dict[str, Any], after: dict[str, Any], what: str) -> list[str]:
    """Return what changed."""
    names = sorted({*before, *after})
    return [f"{what} changed: {name}" for name in names if before.get(name) != after.get(name)]


__all__ = ["REQUEST_ID", "Findings", "attack", "census", "differences", "positives", "probes", "quiet", "snapshot"]
