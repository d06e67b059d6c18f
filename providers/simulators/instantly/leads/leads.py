"""A lead as it is kept and as it is shown, and what every operation on leads shares."""

import json
from collections.abc import Mapping
from typing import Any

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.requests import Call, RefusedError
from providers.simulators.kit.store import Object, Row, Store

NAMES: Mapping[str, str] = {
    "first_name": "firstName",
    "last_name": "lastName",
    "company_name": "companyName",
    "job_title": "jobTitle",
    "website": "website",
    "phone": "phone",
    "personalization": "personalization",
}
INTERESTS = (1, 2, 3, 4, 0, -1, -2, -3, -4)
ACTIVE, PAUSED, COMPLETED, BOUNCED, UNSUBSCRIBED, SKIPPED = 1, 2, 3, -1, -2, -3


def interest(value: Any, place: validation.Place) -> Any:
    """Accept an interest: a known one, or the number of a label."""
    given = validation.number(whole=True, least=-30_000, most=30_000)(value, place)
    if not -4 <= given <= 4 and abs(given) < 100:
        raise place.wrong("must be equal to one of the allowed values")
    return given


WRITABLE: validation.Fields = {
    **dict.fromkeys(NAMES, validation.text(null=True)),
    "lt_interest_status": interest,
    "pl_value_lead": validation.text(null=True),
    "assigned_to": validation.text("uuid", null=True),
    "custom_variables": validation.mapping(validation.scalar),
}
SKIPS: validation.Fields = dict.fromkeys(
    ("skip_if_in_workspace", "skip_if_in_campaign", "skip_if_in_list"), validation.boolean()
)


def shown(row: Row) -> Object:
    """Return a lead as the provider shows it."""
    kept: Object = json.loads(row["fields"])
    email = row["email"] or ""
    whole: Object = {
        "id": row["id"],
        "timestamp_created": row["created_at"],
        "timestamp_updated": row["updated_at"],
        "organization": row["workspace"],
        "status": row["status"],
        "email_open_count": row["opens"],
        "email_reply_count": row["replies"],
        "email_click_count": row["clicks"],
        "company_domain": email.partition("@")[2],
        "status_summary": {},
        "campaign": row["campaign"],
        "list_id": row["list_id"],
        "subsequence_id": row["subsequence_id"],
        "email": row["email"],
        "first_name": row["first_name"],
        "last_name": row["last_name"],
        "lt_interest_status": row["interest"],
        "timestamp_last_contact": row["contacted_at"],
        **kept,
    }
    return entities.shown(whole)


def find(call: Call, identity: str) -> Row:
    """Return a lead of the workspace, or refuse with a 404."""
    row = call.store.one("select * from leads where id = ? and workspace = ?", identity, call.workspace)
    if row is None:
        raise RefusedError(404, "Resource not found")
    return row


def put(store: Store, row: Row, kept: Object | None = None, **columns: Any) -> Row:
    """Change a lead: its columns, and the other fields that are merged into those it has."""
    changes: Object = {**columns, "updated_at": store.clock.stamp()}
    if kept:
        changes["fields"] = json.dumps({**json.loads(row["fields"]), **kept})
    assignments = ", ".join(f"{name} = ?" for name in changes)
    store.run(
        f"update leads set {assignments} where id = ?",  # noqa: S608 - names are our own
        *changes.values(),
        row["id"],
    )
    return store.one("select * from leads where id = ?", row["id"]) or row


def payload(lead: Object, *, full: bool, container: Object) -> Object:
    """Return the variables of a lead; a `full` one has the unset names as empty texts."""
    names = {new: lead.get(old) for old, new in NAMES.items() if lead.get(old) is not None}
    unset = ("firstName", "lastName", "companyName", "website", "personalization") if full else ()
    email = {"email": lead["email"]} if lead.get("email") else {}
    return {**dict.fromkeys(unset, ""), **names, **email, **(lead.get("custom_variables") or {}), **container}


def extend_variables(store: Store, workspace: str, campaign_id: str | None, names: set[str]) -> None:
    """Let a campaign know the custom variables its leads bring."""
    campaign = entities.find(store, workspace, "campaign", campaign_id) if campaign_id and names else None
    if campaign is None:
        return
    known: Object = campaign.get("custom_variables") or {}
    if not names <= known.keys():
        campaign["custom_variables"] = {**known, **dict.fromkeys(sorted(names), True)}
        entities.save(store, workspace, "campaign", campaign)
