"""Changing, merging and deleting leads, and setting their interest."""

import json

from starlette.responses import Response

from providers.simulators.instantly import ajv, jobs, leads
from providers.simulators.instantly.exchange import Call, RefusedError, Routes, answer
from providers.simulators.instantly.leads_read import CHOICE, Choice, select
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


@routes.on("DELETE", "/leads/{id}", "leads:delete")
def delete(call: Call) -> Response:
    """Delete one lead."""
    row = leads.find(call, call.params["id"])
    call.store.run("delete from leads where id = ?", row["id"])
    return answer(leads.shown(row))


@routes.on(
    "DELETE",
    "/leads",
    "leads:delete",
    body={
        "campaign_id": ajv.text("uuid"),
        "list_id": ajv.text("uuid"),
        "status": ajv.number(among=(1, 2, 3, -1, -2, -3)),
        "ids": ajv.array(ajv.text("uuid")),
        "limit": ajv.number(whole=True, least=1, most=10_000),
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
        "lead_id": ajv.Required(ajv.text("uuid")),
        "destination_lead_id": ajv.Required(ajv.text("uuid")),
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
    "/leads/update-interest-status",
    body={
        "lead_email": ajv.Required(ajv.text()),
        "interest_value": ajv.Required(ajv.number(null=True)),
        "campaign_id": ajv.text(),
        "list_id": ajv.text(),
        "ai_interest_value": ajv.number(),
        "disable_auto_interest": ajv.boolean(),
    },
)
def set_interest(call: Call) -> Response:
    """Set the interest of every lead with this address, a moment later."""
    body = call.body
    choice = Choice(call.workspace, {"list_id": body.get("list_id")})
    choice.where("email = ?", body["lead_email"].strip().lower())
    if body.get("campaign_id"):
        choice.where("campaign = ?", body["campaign_id"])
    rows = select(call, choice, "id", 1000)
    if not rows:
        raise RefusedError(400, {"error": "Invalid lead email"})
    due = call.store.clock.time() + jobs.delay(call.store)
    wanted = body["interest_value"]
    event = "interest:" if wanted is None else f"interest:{int(wanted)}"
    call.store.insert_all("script", [{"due_at": due, "subject": row["id"], "event": event} for row in rows])
    message = "Lead interest status update background job submitted"
    return answer({"message": message}, int(call.options["interest_answer"]))


@routes.on(
    "POST",
    "/leads/bulk-assign",
    body={
        **CHOICE,
        "organization_user_ids": ajv.Required(ajv.array(ajv.text("uuid"), least=1)),
        "limit": ajv.number(whole=True, least=0),
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
    told = {"status": "accepted", "message": "Your request will be processed in a background job"}
    return answer(told, 202)
