"""Hands people over to the provider, each at most once.

A batch is marked `sending` under a fresh attempt id and committed before the provider is told. Whatever ends without
an answer becomes `uncertain`, and is settled by asking: found is `pushed`, not found is `pending` again.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import structlog

from api.db.pool import Row
from api.db.queries import beside
from api.worker.lanes import AGAIN, Lane
from providers.errors import CredentialRefused, Passing, Refused, Uncertain
from providers.identity import address_of, handed_over
from providers.models import LeadResult, LeadToAdd, Outcome
from providers.templates import Uses, contexts_of, fields_for, step_of, uses, values_of

SQL = beside(__file__, "jobs.sql")
log = structlog.stdlib.get_logger("outbound.leads")
ASKED_AT_ONCE, ASKED_ONE_BY_ONE = 1000, 20  # people per question, where it is one for all and where it is not
# Stopped for these, a person is paused there: who then unsubscribes does so themselves, and it is no echo of the stop.
PAUSED_FOR = frozenset({"replied", "bounced", "removed"})
UNACCOUNTED = "unaccounted"  # the provider answered the batch, and the answer says nothing of this person


class _Handed(NamedTuple):
    """A person who is handed over: the row, and what is sent."""

    row: Row
    lead: LeadToAdd


async def recover_pushes(lane: Lane) -> float | None:
    """Mark as uncertain what the lane was sending when it last ended: it runs one at a time, so nobody else is."""
    async with lane.transaction() as tx:
        await tx.run(SQL.recover_pushes, {"account_id": lane.account_id})
    return None


async def stop_leads(lane: Lane) -> float | None:
    """Stop people at the provider: for good where they may not be contacted, else by pausing them."""
    async with lane.transaction() as tx:
        due = _addressed(await tx.many(SQL.leads_to_stop, {"account_id": lane.account_id}))
    lag = 0.0 if lane.provider.traits.absence_proves else lane.engine.settings.list_lag_seconds
    waiting: list[float] = []
    for row in due:
        state = "done"
        try:
            lead = row["lead"] or await lane.client.leads.find(row["campaign"], row["address"])
            for_good = row["stop_reason"] not in PAUSED_FOR
            stopped = lead is not None and await lane.client.leads.stop(row["campaign"], lead, for_good=for_good)
            if not stopped and lag:  # told in vain, or not shown yet: this is told again until it is seen to hold
                waiting.append(lag)
                continue
        except Refused:
            state = "failed"
        async with lane.transaction() as tx:
            await tx.run(SQL.stopped, {**row, "stop_state": state})
        if lane.out_of_time:
            return AGAIN
    return AGAIN if len(due) == 50 and not waiting else min(waiting, default=None)


async def pause_leads(lane: Lane) -> float | None:
    """Pause people at the provider, and have those go on who were paused or whose absence is over."""
    async with lane.transaction() as tx:
        await tx.run(SQL.end_rests, {"account_id": lane.account_id})
        due = _addressed(await tx.many(SQL.leads_to_pause, {"account_id": lane.account_id}))
    for row in due:
        if lane.provider.features.lead_pause:
            await _pause(lane, row)
        async with lane.transaction() as tx:
            await tx.run(SQL.paused, row)
        if lane.out_of_time:
            return AGAIN
    return AGAIN if len(due) == 50 else None


async def _pause(lane: Lane, row: Row) -> None:
    """Pause one person at the provider, or have them go on."""
    try:
        lead = row["lead"] or await lane.client.leads.find(row["campaign"], row["address"])
        if lead is not None:
            verb = lane.client.leads.pause if row["pause_state"] == "pause" else lane.client.leads.resume
            await verb(row["campaign"], lead)
    except Refused as error:  # the person has left the campaign there: nothing is sent to them anyway
        log.warning("not paused", lead_id=str(row["id"]), state=row["pause_state"], status=error.status)


async def settle_pushes(lane: Lane) -> float | None:
    """Ask the provider about everybody whose hand-over is in doubt, as soon as no lost request can still land."""
    settings, proves = lane.engine.settings, lane.provider.traits.absence_proves
    wait = settings.settle_after_seconds if proves else settings.list_lag_seconds
    params = {"account_id": lane.account_id, "settle_after": wait}
    async with lane.transaction() as tx:
        uncertain = _addressed(await tx.many(SQL.uncertain_leads, params))
    ripe = [row for row in uncertain if row["remaining"] <= 0]
    waiting = [row["remaining"] for row in uncertain if row["remaining"] > 0]
    for rows in _groups(ripe, ASKED_AT_ONCE if proves else ASKED_ONE_BY_ONE):
        found = await lane.client.leads.find_all(
            rows[0]["external_id"],
            [row["address"] for row in rows],
            min(row["push_attempted_at"] for row in rows),
        )
        await _record(lane, rows[0]["company_id"], (_settled(row, found.get(row["address"]), proves) for row in rows))
        if not proves and len(found) < len(rows):
            waiting.append(wait)
        if lane.out_of_time:
            return AGAIN
    return min(waiting, default=None)


def _groups(rows: list[Row], size: int) -> Iterator[list[Row]]:
    """Yield the people of one campaign after the other, at most so many at a time."""
    for _, group in groupby(sorted(rows, key=_campaign), key=_campaign):
        whole = list(group)
        yield from (whole[start : start + size] for start in range(0, len(whole), size))


def _addressed(rows: list[Row]) -> list[Row]:
    """Return people with their address as a provider takes it, instead of its key."""
    return [{**row, "address": handed_over(row["address"])} for row in rows]


def _campaign(row: Row) -> str:
    return str(row["campaign_id"])


def _settled(row: Row, external_id: str | None, absence_proves: bool) -> dict[str, Any]:
    """Return what asking showed. Whoever was in an answered batch and is not there, the provider will not have; where
    lists show people late, whoever is not there stays in doubt and is asked about again, ever more seldom."""
    outcome, reason = "pushed", None
    if external_id is None and not absence_proves:
        outcome, reason = "uncertain", row["push_reason"]
    elif external_id is None:
        refused = row["push_reason"] == UNACCOUNTED
        outcome, reason = ("failed", "not_accepted") if refused else ("pending", None)
    return _result(row["id"], row["push_attempt_id"], outcome, reason=reason, external_id=external_id)


async def push_leads(lane: Lane) -> float | None:
    """Hand over what is due, batch by batch, until nothing is left or others should have a turn."""
    while True:
        attempt_id = uuid4()
        params = {
            "account_id": lane.account_id,
            "attempt_id": attempt_id,
            "batch": min(lane.limits.leads_per_request, lane.engine.settings.leads_per_request),
            "running_only": lane.provider.traits.starts_before_leads,
        }
        async with lane.transaction() as tx:
            claimed = _addressed(await tx.many(SQL.claim_leads, params))
            steps = await tx.many(SQL.steps, claimed[0]) if claimed else []
        if not claimed:
            return None
        used = uses([step_of(row["step"]) for row in steps])
        batch = [_Handed(row, _lead(lane, row, used)) for row in claimed if row["push_state"] == "sending"]
        if batch:
            await _push_batch(lane, attempt_id, batch)
        if lane.out_of_time:
            return AGAIN


async def _push_batch(lane: Lane, attempt_id: UUID, batch: Sequence[_Handed]) -> None:
    """Tell the provider once, and write down what is known of each. Errors that others must heed are raised again."""
    rows = [each.row for each in batch]
    try:
        results = await lane.client.leads.add(rows[0]["external_id"], [each.lead for each in batch])
    except Uncertain:
        await _record_all(lane, attempt_id, rows, "uncertain")
    except (Passing, CredentialRefused):
        await _record_all(lane, attempt_id, rows, "pending")
        raise
    except Refused as error:
        await _refused(lane, attempt_id, batch, error)
    else:
        await _record(lane, rows[0]["company_id"], (_from_provider(attempt_id, result) for result in results))


async def _refused(lane: Lane, attempt_id: UUID, batch: Sequence[_Handed], error: Refused) -> None:
    """A refused batch changed nothing: find whom it was refused for by halves, so that the others are added."""
    rows = [each.row for each in batch]
    if error.status == 404:
        await _record_all(lane, attempt_id, rows, "pending")
        async with lane.transaction() as tx:
            await tx.run(SQL.lose_campaign, rows[0])
    elif len(batch) == 1:
        await _record_all(lane, attempt_id, rows, "failed", reason="not_accepted")
    else:
        middle = len(batch) // 2
        await _push_batch(lane, attempt_id, batch[:middle])
        await _push_batch(lane, attempt_id, batch[middle:])


def _from_provider(attempt_id: UUID, result: LeadResult) -> dict[str, Any]:
    reason = UNACCOUNTED if result.outcome is Outcome.UNCERTAIN else result.reason
    return _result(result.key, attempt_id, result.outcome.value, reason=reason, external_id=result.external_id)


def _lead(lane: Lane, row: Row, used: Uses) -> LeadToAdd:
    """Return a person with what the campaign's variables stand for."""
    email = address_of(row["email"]) if row["email"] else None
    values = values_of({**row, "email": email}, lane.engine.unsubscribe_links.link(lane.org_id, row["id"]))
    _, body = contexts_of("email" if lane.provider.capability == "email_outreach" else "message")
    names = (row["first_name"], row["last_name"], row["company_name"])
    return LeadToAdd(row["id"], row["address"], *names, fields_for(values, used, body), email)


async def _record_all(
    lane: Lane, attempt_id: UUID, batch: Sequence[Row], outcome: str, *, reason: str | None = None
) -> None:
    results = (_result(row["id"], attempt_id, outcome, reason=reason) for row in batch)
    await _record(lane, batch[0]["company_id"], results)


def _result(
    row_id: UUID, attempt_id: UUID, outcome: str, *, reason: str | None = None, external_id: str | None = None
) -> dict[str, Any]:
    return {
        "id": str(row_id),
        "attempt_id": str(attempt_id),
        "outcome": outcome,
        "reason": reason,
        "external_id": external_id,
    }


async def _record(lane: Lane, company_id: UUID, results: Iterable[dict[str, Any]]) -> None:
    async with lane.transaction() as tx:
        await tx.each(SQL.record_result, [{"company_id": company_id, **result} for result in results])
