"""Campaigns: create, list, read, start and stop."""

import json

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row, Store
from providers.simulators.smartlead import events
from providers.simulators.smartlead.requests import Call, Routes, answer, done, invalid, nothing
from providers.simulators.smartlead.validation import boolean, nullable, number, text, text_or_number

routes = Routes()

FRESH: Object = {
    "track_settings": [],
    "scheduler_cron_value": None,
    "min_time_btwn_emails": 20,
    "max_leads_per_day": 100,
    "stop_lead_settings": "REPLY_TO_AN_EMAIL",
    "schedule_start_time": None,
    "enable_ai_esp_matching": False,
    "send_as_plain_text": False,
    "follow_up_percentage": 100,
    "unsubscribe_text": None,
    "parent_campaign_id": None,
}
STATES = {"START": "ACTIVE", "PAUSED": "PAUSED", "STOPPED": "STOPPED"}
BAD_STATE = "Invalid value for status. Allowed values are - START,STOPPED,PAUSED"


def shown(row: Row) -> Object:
    """Return a campaign as the provider shows it."""
    return {
        "id": row["id"],
        "user_id": row["account_id"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "status": row["status"],
        "name": row["name"],
        **json.loads(row["fields"]),
        "client_id": row["client_id"],
    }


def new_campaign(call: Call, name: str, client_id: int | None, fields: Object, extras: str = "{}") -> int:
    """Add a drafted campaign and return its id."""
    return call.store.insert(
        "campaigns",
        {
            "account_id": call.account.id,
            "name": name,
            "client_id": client_id,
            "fields": json.dumps(fields),
            "extras": extras,
            "created_at": call.now,
            "updated_at": call.now,
        },
    )


@routes.on("POST", "/campaigns/create", body={"name": nullable(text(empty=False)), "client_id": nullable(number())})
def create(call: Call) -> Response:
    """Create a drafted campaign."""
    name = call.body.get("name") or "Untitled Campaign"
    campaign_id = new_campaign(call, name, call.body.get("client_id"), FRESH)
    return answer({"ok": True, "id": campaign_id, "name": name, "created_at": call.now})


@routes.on("GET", "/campaigns", query={"client_id": text_or_number, "include_tags": boolean})
def list_all(call: Call) -> Response:
    """List campaigns, newest first."""
    rows = call.store.all(
        "select * from campaigns where account_id = ? and deleted_at is null order by id desc",
        call.account.id,
    )
    client = call.query.get("client_id")
    chosen = [row for row in rows if client is None or str(row["client_id"]) == client]
    return answer([_with_tags(call, shown(row)) for row in chosen])


@routes.on("GET", "/campaigns/{campaign_id}", query={"include_tags": boolean})
def read(call: Call) -> Response:
    """Read one campaign; a missing one is an empty 200."""
    found = call.find_campaign()
    return nothing() if found is None else answer(_with_tags(call, shown(found)))


def _with_tags(call: Call, campaign: Object) -> Object:
    return {**campaign, "tags": []} if call.query.get("include_tags") else campaign


@routes.on("POST", "/campaigns/{campaign_id}/status", body={"status": text()})
def set_status(call: Call) -> Response:
    """Start, pause or stop a campaign."""
    campaign = call.campaign()
    wanted = STATES.get(call.body.get("status", ""))
    if wanted is None:
        raise invalid(BAD_STATE)
    if wanted == "ACTIVE":
        _check_ready(call, campaign)
    if wanted != campaign["status"]:
        call.store.run(
            "update campaigns set status = ?, updated_at = ? where id = ?", wanted, call.now, call.campaign_id
        )
        events.campaign_moved(call.store, campaign, wanted)
    return done()


def _check_ready(call: Call, campaign: Row) -> None:
    missing = [what for what, there in _parts(call.store, campaign).items() if not there]
    if missing:
        raise invalid(f"Campaign cannot be started. Please add at least one {missing[0]}.")


def _parts(store: Store, campaign: Row) -> dict[str, bool]:
    def any_of(table: str) -> bool:
        query = f"select 1 from {table} where campaign_id = ? limit 1"  # noqa: S608 - names are our own
        return store.one(query, campaign["id"]) is not None

    return {
        "sequence": any_of("sequences"),
        "email account": any_of("campaign_email_accounts"),
        "lead": any_of("campaign_leads"),
        "schedule": json.loads(campaign["fields"])["scheduler_cron_value"] is not None,
    }
