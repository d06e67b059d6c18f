"""What stands in the simulator, as plain JSON for tests; no quirks here."""

import json
from typing import Any

from providers.simulators.instantly.common import entities
from providers.simulators.kit.store import Object, Store


def campaigns(store: Store) -> list[Object]:
    """Return every campaign of every workspace, oldest first."""
    return [_whole(store, json.loads(row["fields"])) for row in entities.rows_of_kind(store, "campaign")]


def campaign(store: Store, identity: str) -> Object | None:
    """Return one campaign with its counts."""
    return next((one for one in campaigns(store) if one["id"] == identity), None)


def _whole(store: Store, fields: Object) -> Object:
    rows = store.all(
        "select status, count(*) as n from leads where campaign = ? group by status order by status", fields["id"]
    )
    return {**fields, "leads": {str(row["status"]): row["n"] for row in rows}}


def leads(store: Store, campaign_id: str) -> list[Object]:
    """Return a campaign's, or a list's, leads in the order they were added."""
    rows = store.all("select * from leads where campaign = ? or list_id = ? order by id", campaign_id, campaign_id)
    return [{**dict(row), "fields": json.loads(row["fields"])} for row in rows]


def emails(store: Store, lead: str) -> list[Object]:
    """Return the messages exchanged with an address, oldest first."""
    rows = store.all("select * from emails where lead = ? order by id", lead)
    return [{**dict(row), "fields": json.loads(row["fields"])} for row in rows]


def find_lead(store: Store, campaign_id: Any, email: str) -> str | None:
    """Return the id of this address's lead in this campaign."""
    return store.value(
        "select id from leads where campaign = ? and email = ? order by id", campaign_id, email.strip().lower()
    )
