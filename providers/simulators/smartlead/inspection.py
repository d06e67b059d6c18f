"""What stands in the simulator, as plain JSON for tests; no quirks here."""

import json
from typing import Any

from providers.simulators.kit.store import Object, Row, Store
from providers.simulators.smartlead.figures import counters


def campaigns(store: Store) -> list[Object]:
    """Return every campaign that was not deleted, oldest first."""
    rows = store.all("select * from campaigns where deleted_at is null order by id")
    return [_whole(store, row) for row in rows]


def campaign(store: Store, campaign_id: int) -> Object | None:
    """Return one campaign with its parts."""
    row = store.one("select * from campaigns where id = ? and deleted_at is null", campaign_id)
    return None if row is None else _whole(store, row)


def _whole(store: Store, row: Row) -> Object:
    fields = json.loads(row["fields"])
    links = store.all("select email_account_id from campaign_email_accounts where campaign_id = ?", row["id"])
    hooks = store.all("select * from webhooks where campaign_id = ? order by id", row["id"])
    steps = store.all("select * from sequences where campaign_id = ? order by seq_number", row["id"])
    states = counters.lead_states(store, row["id"])
    return {
        "id": row["id"],
        "account_id": row["account_id"],
        "name": row["name"],
        "status": row["status"],
        "client_id": row["client_id"],
        "sequence": [_step(store, step) for step in steps],
        "schedule": fields["scheduler_cron_value"],
        "settings": {**fields, **json.loads(row["extras"])},
        "email_account_ids": sorted(link["email_account_id"] for link in links),
        "lead_count": sum(states.values()),
        "lead_states": states,
        "totals": counters.read(store, row["id"]),
        "webhooks": [_hook(hook) for hook in hooks],
    }


def _step(store: Store, row: Row) -> Object:
    variants = store.all("select * from variants where sequence_id = ? order by id", row["id"])
    return {
        "id": row["id"],
        "seq_number": row["seq_number"],
        "delay_in_days": row["delay_in_days"],
        "subject": row["subject"],
        "email_body": row["email_body"],
        **json.loads(row["extras"]),
        "variants": [dict(variant) for variant in variants],
    }


def _hook(row: Row) -> Object:
    lists = {name: json.loads(row[name]) for name in ("event_types", "categories")}
    return {"id": row["id"], "name": row["name"], "webhook_url": row["webhook_url"], **lists}


def leads(store: Store, campaign_id: int) -> list[Object]:
    """Return a campaign's leads in the order they were added."""
    rows = store.all(
        "select c.id as map_id, c.lead_id, c.status, c.category_id, c.last_seq, c.is_opened, c.is_clicked,"
        " c.is_replied, c.is_bounced, c.is_unsubscribed, c.created_at, l.email, l.first_name, l.last_name,"
        " l.phone_number, l.company_name, l.website, l.location, l.linkedin_profile, l.company_url,"
        " l.custom_fields from campaign_leads c join leads l on l.id = c.lead_id"
        " where c.campaign_id = ? order by c.id",
        campaign_id,
    )
    flags = ("is_opened", "is_clicked", "is_replied", "is_bounced", "is_unsubscribed")
    return [
        {
            **dict(row),
            **{flag: bool(row[flag]) for flag in flags},
            "custom_fields": json.loads(row["custom_fields"]),
        }
        for row in rows
    ]


def find_lead(store: Store, campaign_id: Any, email: str) -> int | None:
    """Return the id of the row that joins this lead to this campaign."""
    return store.value(
        "select c.id from campaign_leads c join leads l on l.id = c.lead_id"
        " where c.campaign_id = ? and l.account_id = c.account_id and l.email = ?",
        campaign_id,
        email.strip().lower(),
    )
