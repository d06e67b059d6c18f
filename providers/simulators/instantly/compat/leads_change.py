"""Changing and merging leads, deleting and assigning many."""

import json

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.leads import leads
from providers.simulators.instantly.leads.read import CHOICE, Choice, select
from providers.simulators.instantly.requests import Call, RefusedError, Routes, answer
from providers.simulators.kit.store import Object

routes = Routes()

_MOST_DELETED = 10_000_000


@routes.on("PATCH", "/leads/{id}", "leads:update", body=leads.WRITABLE)
def change(call: Call) -> Response:
    """Change a lead's own fields; custom variables are merged."""
    row = leads.find(call, call.params["id"])
    body = dict(call.body)
    custom: Object = body.pop("custom_variables", None) or {}
    columns: Object = {name: body.pop(name) for name in ("first_name", "last_name") if name in body}
    if "lt_interest_status" in body:
        columns |= {"interest": body.pop("lt_interest_status"), "due_at": None}
    kept: Object = json.loads(row["fields"])
    changed = {leads.NAMES[name]: call.body[name] for name in leads.NAMES if name in call.body}
    payload = {**kept.get("payload", {}), **changed, **custom}
    leads.extend_variables(call.store, call.workspace, row["campaign"], set(custom))
    return answer(leads.shown(leads.put(call.store, row, {**body, "payload": payload}, **columns)))


@routes.on(
    "DELETE",
    "/leads",
    "leads:delete",
    body={
        "campaign_id": validation.text("uuid"),
        "list_id": validation.text("uuid"),
        "status": validation.number(among=(1, 2, 3, -1, -2, -3)),
        "ids": validation.array(validation.text("uuid")),
        "limit": validation.number(whole=True, least=1, most=10_000),
    },
)
def delete_many(call: Call) -> Response:
    """Delete all of a campaign's or list's leads that match; without ids and limit that is every one."""
    body = call.body
    if not body.get("campaign_id") and not body.get("list_id"):
        raise RefusedError(400, "Either campaign_id or list_id must be provided")
    choice = Choice(call.workspace, {"ids": body.get("ids"), "list_id": body.get("list_id")})
    if body.get("campaign_id"):
        choice.where("campaign = ?", body["campaign_id"])
    if "status" in body:
        choice.where("status = ?", body["status"])
    rows = select(call, choice, "id", body.get("limit", _MOST_DELETED))
    call.store.many("delete from leads where id = ?", [(row["id"],) for row in rows])
    return answer({"count": len(rows)})


@routes.on(
    "POST",
    "/leads/merge",
    "leads:update",
    body={
        "lead_id": validation.Required(validation.text("uuid")),
        "destination_lead_id": validation.Required(validation.text("uuid")),
    },
)
def merge(call: Call) -> Response:
    """Fill a lead's gaps from another, which is deleted."""
    source = leads.find(call, call.body["lead_id"])
    target = leads.find(call, call.body["destination_lead_id"])
    if source["id"] == target["id"]:
        raise RefusedError(400, "A lead cannot be merged with itself")
    from_, to = json.loads(source["fields"]), json.loads(target["fields"])
    filled = {name: value for name, value in from_.items() if not to.get(name)}
    filled["payload"] = {**from_.get("payload", {}), **{k: v for k, v in to.get("payload", {}).items() if v}}
    names = {name: target[name] or source[name] for name in ("first_name", "last_name")}
    call.store.run("delete from leads where id = ?", source["id"])
    return answer(leads.shown(leads.put(call.store, target, filled, **names)))


@routes.on(
    "POST",
    "/leads/bulk-assign",
    body={
        **CHOICE,
        "organization_user_ids": validation.Required(validation.array(validation.text("uuid"), least=1)),
        "limit": validation.number(whole=True, least=0),
    },
)
def assign(call: Call) -> Response:
    """Share the leads that match out among members."""
    members = {row["user_id"] for row in call.every("member")}
    users = call.body["organization_user_ids"]
    if not members.issuperset(users):
        raise RefusedError(400, {"message": "Invalid ID on `organization_user_ids` field"})
    choice = Choice(call.workspace, {**call.body, "organization_user_ids": None})
    for place, row in enumerate(select(call, choice, "id", int(call.body.get("limit") or _MOST_DELETED))):
        leads.put(call.store, row, {"assigned_to": users[place % len(users)]})
    accepted = {"status": "accepted", "message": "Your request will be processed in a background job"}
    return answer(accepted, 202)
