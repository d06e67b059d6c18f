"""Reads stored webhooks and writes down what they mean: the provider's parser is pure, so this can be run again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog

from api.access.vault import DecryptionError, SealedField
from api.db.pool import Row, Tx
from api.db.queries import beside
from api.events.effect_jobs import take_effect
from api.events.links import own_link
from api.worker.engine import Engine
from providers.identity import email_key, profile_key, same_address
from providers.models import Fact, ProviderEvent, UnreadableWebhookError
from providers.registry import PROVIDERS
from providers.texts import links_in

SQL = beside(__file__, "jobs.sql")
log = structlog.stdlib.get_logger("outbound.events")
PROJECTOR_VERSION = 2
BATCH = 100
CLOCKS_DIFFER = timedelta(minutes=2)
ENDS = frozenset({Fact.BOUNCED, Fact.UNSUBSCRIBED})
ANSWERS = frozenset({Fact.REPLIED, Fact.AUTO_REPLIED})
SENDINGS = frozenset({Fact.SENT, Fact.REQUEST_SENT})


@dataclass
class Batch:
    """The webhooks of one transaction: the facts in them, and why some of them were put aside."""

    company_id: UUID
    connection_id: UUID
    facts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    reasons: dict[UUID, str | None] = field(default_factory=dict[UUID, str | None])

    def add(self, events: Sequence[ProviderEvent], *, webhook_id: UUID | None, received_at: datetime) -> None:
        """Take in the facts of one webhook, or of one poll."""
        self.facts += [_fact(len(self.facts) + n, event, webhook_id, received_at) for n, event in enumerate(events)]

    def params(self, **values: object) -> dict[str, object]:
        """Return the parameters that all statements share."""
        return {"company_id": self.company_id, "connection_id": self.connection_id, **values}


async def project_webhooks(engine: Engine, org_id: UUID, connection_id: UUID, job_id: int) -> None:  # noqa: ARG001
    """Read what waits for one connection, a batch per transaction, until nothing does."""
    size = BATCH
    while True:
        read = 0
        try:
            async with engine.db.by_job(org_id) as tx:
                rows = await tx.many(SQL.waiting_webhooks, {"connection_id": connection_id, "batch": size})
                read = len(rows)
                if rows:
                    await _project(tx, _parse(engine, org_id, connection_id, rows))
        except (
            psycopg.DataError,
            psycopg.IntegrityError,
            psycopg.ProgrammingError,
            psycopg.NotSupportedError,
        ) as error:
            # Something in the batch cannot be written: in halves from here on, until the culprit is put aside.
            log.warning("batch not written", connection_id=str(connection_id), size=size, sqlstate=error.sqlstate)
            if size == 1:
                await _put_aside(engine, org_id, connection_id)
            size = max(1, size // 2)
            continue
        except psycopg.errors.QueryCanceled:
            # Too much for a statement's time: less at once. What takes too long by itself waits for the next sweep.
            log.warning("batch took too long", connection_id=str(connection_id), size=size)
            if size == 1:
                raise
            size //= 2
            continue
        if read < size:
            return
        size = min(BATCH, size * 2)


async def _put_aside(engine: Engine, org_id: UUID, connection_id: UUID) -> None:
    """Quarantine the oldest webhook of a connection, which by itself could not be written down."""
    async with engine.db.by_job(org_id) as tx:
        for row in await tx.many(SQL.waiting_webhooks, {"connection_id": connection_id, "batch": 1}):
            batch = Batch(row["company_id"], connection_id, reasons={row["id"]: "not_writable"})
            await _close(tx, batch)


def _parse(engine: Engine, org_id: UUID, connection_id: UUID, rows: list[Row]) -> Batch:
    batch = Batch(rows[0]["company_id"], connection_id)
    for row in rows:
        place = SealedField(org_id, "inbound_webhooks", "body", row["id"])
        batch.reasons[row["id"]] = None
        try:
            events = PROVIDERS[row["provider"]].parse_webhook(engine.vault.unseal(bytes(row["body"]), place))
        except UnreadableWebhookError as error:
            batch.reasons[row["id"]] = str(error)
            continue
        except DecryptionError:
            batch.reasons[row["id"]] = "not_decryptable"
            continue
        except Exception:  # one body that the parser trips over must not stop the others
            log.exception("parser failed", webhook_id=str(row["id"]))
            batch.reasons[row["id"]] = "unreadable"
            continue
        batch.add(events, webhook_id=row["id"], received_at=row["received_at"])
    return batch


async def project_facts(
    tx: Tx, company_id: UUID, connection_id: UUID, events: Sequence[ProviderEvent]
) -> list[dict[str, Any]]:
    """Write down facts that came by polling, as if by webhook, and return those that no webhook had brought."""
    batch = Batch(company_id, connection_id)
    batch.add(events, webhook_id=None, received_at=datetime.now(UTC))
    await _project(tx, batch)
    return batch.facts


def _fact(number: int, event: ProviderEvent, webhook_id: UUID | None, received_at: datetime) -> dict[str, Any]:
    data = dict(event.data)
    return {
        "n": number,
        "webhook_id": webhook_id,
        "type": event.fact,
        "event_key": event.key,
        "alias": event.alias,
        "campaign": event.external_campaign_id,
        "lead": event.external_lead_id,
        "email_key": email_key(event.email),
        "linkedin_key": profile_key(event.linkedin_url),
        "sender": event.sender,
        "sent_from": same_address(data.get("from")) if event.fact in SENDINGS else None,
        "written_by": same_address(data.get("from")) if event.fact in ANSWERS else None,
        "data": data,
        # Some kinds carry no time of their own: then it is when the webhook came.
        "occurred_at": event.occurred_at or received_at,
        "timed": event.occurred_at is not None,
        "counts": data.get("kind") not in ("soft", "sender_refused"),
        # By polling, an end has the same name but for its step, which not every provider gives; a report that a
        # mail came back has the name of the answer that it came as.
        "once": event.fact in ENDS and (webhook_id is None or not event.key.startswith(f"{event.fact}:")),
        "after": event.after,
    }


async def _project(tx: Tx, batch: Batch) -> None:
    """Let what is new in a batch take effect. A fact that is recorded already changes nothing again."""
    await tx.run(SQL.lock_connection, batch.params())
    if {row["type"] for row in batch.facts} & {Fact.REPLIED, *ENDS}:
        await tx.run(SQL.lock_do_not_contact)
    await _resolve(tx, batch)
    fresh = {row["n"] for row in await tx.many(SQL.fresh_facts, batch.params(facts=_json(batch.facts)))}
    batch.facts = [row for row in batch.facts if row["n"] in fresh]
    await _show_own_links(tx, batch)
    await take_effect(tx, company_id=batch.company_id, connection_id=batch.connection_id, facts=batch.facts)
    await _close(tx, batch)
    await tx.run(SQL.insert_events, batch.params(facts=_json(batch.facts)))
    if {row["type"] for row in batch.facts} & {Fact.REPLIED, Fact.AUTO_REPLIED, Fact.UNSUBSCRIBED}:
        tx.wake(batch.company_id, urgent=True)


async def _show_own_links(tx: Tx, batch: Batch) -> None:
    """Leave of clicks those links that are their campaign's own: others are the tracking's."""
    clicks = [row for row in batch.facts if row["type"] == Fact.CLICKED and row["data"].get("url")]
    if not clicks:
        return
    campaigns = list({row["campaign_id"] for row in clicks})
    links: dict[UUID, set[str]] = {}
    for step in await tx.many(SQL.texts_of, batch.params(campaigns=campaigns)):
        links.setdefault(step["campaign_id"], set()).update(links_in(step["body"]))
    for row in clicks:
        row["data"]["url"] = own_link(row["data"]["url"], links.get(row["campaign_id"], ()))


async def _close(tx: Tx, batch: Batch) -> None:
    closed = [batch.params(id=key, reason=reason, version=PROJECTOR_VERSION) for key, reason in batch.reasons.items()]
    await tx.each(SQL.close_webhook, closed)


async def _resolve(tx: Tx, batch: Batch) -> None:
    """Give each fact our ids. What names a campaign or a person we do not know is put aside, never guessed; what one of
    the organization's own mailboxes wrote is no answer."""
    names = ("n", "campaign", "lead", "email_key", "linkedin_key", "sender", "sent_from")
    wanted = [{name: row[name] for name in names} for row in batch.facts]
    known = {row["n"]: row for row in await tx.many(SQL.resolve, batch.params(facts=json.dumps(wanted)))}
    own = await _own_mailboxes(tx, [row["written_by"] for row in batch.facts if row["written_by"]])
    kept: list[dict[str, Any]] = []
    for row in batch.facts:
        if row["written_by"] in own:
            continue
        ours = known[row["n"]]
        row.update({name: ours[name] for name in ("campaign_id", "lead_id", "enrolment_id", "sender_id")})
        reason = _reason_to_put_aside(row, ours)
        if reason is None:
            kept.append(row)
        elif row["webhook_id"] is not None:
            batch.reasons[row["webhook_id"]] = reason
    _tell_senders(kept)
    # Of two bodies about one fact, the one that names it better counts.
    named = {row["alias"] for row in kept if row["alias"] != row["event_key"]}
    batch.facts = [row for row in kept if row["alias"] != row["event_key"] or row["alias"] not in named]


def _tell_senders(facts: list[dict[str, Any]]) -> None:
    """Give facts that name no sender that of what was sent to the same person before, in the same batch."""
    last: dict[tuple[UUID, UUID], UUID | None] = {}
    for row in facts:
        place = (row["campaign_id"], row["lead_id"])
        row["sender_id"] = last[place] = row["sender_id"] or last.get(place)


async def _own_mailboxes(tx: Tx, authors: list[str]) -> set[str]:
    if not authors:
        return set()
    return {row["address"] for row in await tx.many(SQL.own_mailboxes, {"addresses": authors})}


def _reason_to_put_aside(row: dict[str, Any], ours: Row) -> str | None:
    """Return why a fact is not this company's: its campaign or person is unknown, or it is from before the person was
    handed over or the seat came. On a shared account the seat may have spoken with them for another company then."""
    if ours["campaign_id"] is None:
        return "unknown_campaign"
    if ours["lead_id"] is None:
        return "unknown_lead"
    since: datetime | None = ours["handed_over_at"]
    early = since is not None and row["timed"] and row["occurred_at"] < since - CLOCKS_DIFFER
    return "before_hand_over" if early else None


def _json(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, default=str)
