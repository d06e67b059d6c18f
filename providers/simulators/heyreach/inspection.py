"""What stands in the simulator, as plain JSON for tests; no quirks here."""

import json

from providers.simulators.kit.store import Object, Row, Store


def campaigns(store: Store) -> list[Object]:
    """Return every campaign, oldest first."""
    return [_whole(store, row) for row in store.all("select * from campaigns order by id")]


def campaign(store: Store, campaign_id: int) -> Object | None:
    """Return one campaign with its parts."""
    row = store.one("select * from campaigns where id = ?", campaign_id)
    return None if row is None else _whole(store, row)


def _whole(store: Store, row: Row) -> Object:
    seats = store.all("select account_id from campaign_accounts where campaign_id = ? order by 1", row["id"])
    states = store.all("select status, count(*) as n from campaign_leads where campaign_id = ? group by 1", row["id"])
    counts = {state["status"]: state["n"] for state in states}
    return {
        **{name: row[name] for name in ("id", "workspace_id", "name", "status", "list_id", "created_at", "started_at")},
        "account_ids": [seat["account_id"] for seat in seats],
        "settings": json.loads(row["exclusions"]),
        "schedule": json.loads(row["schedule"]),
        "sequence": json.loads(row["sequence"]) if row["sequence"] else None,
        "lead_count": sum(counts.values()),
        "lead_states": counts,
    }


def leads(store: Store, campaign_id: int) -> list[Object]:
    """Return a campaign's leads in the order they were added."""
    rows = store.all(
        "select p.url as profile_url, p.linkedin_id, p.first_name, p.last_name, p.email, l.*"
        " from campaign_leads l join profiles p on p.id = l.profile_id where l.campaign_id = ? order by l.id",
        campaign_id,
    )
    return [{**dict(row), "stopped": bool(row["stopped"])} for row in rows]


def messages(store: Store, profile_url: str | None) -> list[Object]:
    """Return all messages, or those with one person, oldest first."""
    rows = store.all(
        "select m.id, c.public_id as conversation_id, c.account_id, p.url as profile_url, m.campaign_id, m.sender,"
        " m.kind, m.body, m.subject, m.is_inmail, m.created_at, m.visible_at from messages m"
        " join conversations c on c.id = m.conversation_id join profiles p on p.id = c.profile_id"
        " where ? is null or p.url = ? order by m.id",
        profile_url,
        profile_url,
    )
    return [{**dict(row), "is_inmail": bool(row["is_inmail"])} for row in rows]


def accounts(store: Store, account_id: int | None = None) -> list[Object]:
    """Return all LinkedIn accounts, or one."""
    rows = store.all(
        "select * from li_accounts where ? is null or id = ? order by id",
        account_id,
        account_id,
    )
    flags = ("is_active", "auth_is_valid")
    return [
        {**dict(row), **{flag: bool(row[flag]) for flag in flags}, "limits": json.loads(row["limits"])} for row in rows
    ]
