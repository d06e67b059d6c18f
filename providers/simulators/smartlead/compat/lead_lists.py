"""Lead lists: leads that are in no campaign yet, and putting them into one."""

import json
from dataclasses import replace

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.leads import add as adding
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer, done, invalid
from providers.simulators.smartlead.validation import (
    Fields,
    Required,
    anything,
    array,
    boolean,
    choice,
    mapping,
    nullable,
    number,
    obj,
    page,
    text,
)

routes = Routes()

_NAMED: Fields = {"listName": Required(text(empty=False))}
_COUNTS = (
    "select t.*, count(x.lead_id) as leads_count,"
    " count(distinct case when l.is_unsubscribed = 0 then x.lead_id end) as active_leads_count"
    " from lead_lists t left join lead_list_leads x on x.list_id = t.id left join leads l on l.id = x.lead_id"
)


def _shown(row: Row) -> Object:
    names = ("id", "list_name", "created_at", "updated_at", "leads_count", "active_leads_count")
    return {name: row[name] for name in names}


def own(call: Call, list_id: int) -> Row:
    """Return the account's list of this id, or refuse."""
    found = call.store.one(f"{_COUNTS} where t.id = ? and t.account_id = ? group by t.id", list_id, call.account.id)
    if found is None:
        raise RefusedError(404, {"error": "Lead list not found."})
    return found


@routes.on("POST", "/lead-list", body=_NAMED)
def create(call: Call) -> Response:
    """Make an empty list."""
    stamps = {"created_at": call.now, "updated_at": call.now}
    row = {"account_id": call.account.id, "list_name": call.body["listName"], **stamps}
    return answer({"ok": True, "data": _shown(own(call, call.store.insert("lead_lists", row)))})


@routes.on("GET", "/lead-list", query={**page(100), "listName": text(), "tagIds": anything})
def list_all(call: Call) -> Response:
    """List the lists with their total."""
    rows = call.store.all(
        f"{_COUNTS} where t.account_id = ? and t.list_name like ? group by t.id order by t.id desc",
        call.account.id,
        f"%{call.query.get('listName', '')}%",
    )
    start = call.query.get("offset", 0)
    chosen = rows[start : start + call.query.get("limit", 100)]
    return answer({"ok": True, "data": {"lists": [_shown(row) for row in chosen], "totalCount": len(rows)}})


@routes.on("GET", "/lead-list/{list_id}")
def read(call: Call) -> Response:
    """Read one list."""
    return answer({"ok": True, "data": _shown(own(call, call.params["list_id"]))})


@routes.on("PUT", "/lead-list/{list_id}", body=_NAMED)
def rename(call: Call) -> Response:
    """Give a list another name."""
    list_id, name = own(call, call.params["list_id"])["id"], call.body["listName"]
    call.store.run("update lead_lists set list_name = ?, updated_at = ? where id = ?", name, call.now, list_id)
    return answer({"ok": True, "data": _shown(own(call, list_id))})


@routes.on("DELETE", "/lead-list/{list_id}")
def delete(call: Call) -> Response:
    """Delete a list; its leads stay in the account."""
    list_id = own(call, call.params["list_id"])["id"]
    call.store.run("delete from lead_list_leads where list_id = ?", list_id)
    call.store.run("delete from lead_lists where id = ?", list_id)
    return done()


@routes.on(
    "POST",
    "/lead-list/{list_id}/import",
    body={
        "leadList": Required(array(obj(adding.LEAD), filled=True)),
        "fileName": Required(text(empty=False)),
        "emailFieldsAdded": nullable(mapping()),
        "customFields": anything,
        "csvSettings": nullable(mapping()),
    },
)
def add(call: Call) -> Response:
    """Put leads into a list; those that the account has are put into it as they are."""
    list_id = own(call, call.params["list_id"])["id"]
    ids = adding.keep(call, call.body["leadList"])
    put(call, list_id, ids)
    return answer({"ok": True, "imported_count": len(ids)})


def put(call: Call, list_id: int, ids: list[int]) -> None:
    """Put leads into a list."""
    call.store.many("insert or ignore into lead_list_leads values (?, ?)", [(list_id, lead_id) for lead_id in ids])


@routes.on(
    "POST",
    "/leads/leads/push-between-lists",
    body={
        "action": Required(choice("copy", "move", "COPY", "MOVE")),
        "leadIds": array(number()),
        "fromListId": nullable(number()),
        "toListId": Required(number()),
    },
)
def push_between(call: Call) -> Response:
    """Copy or move leads from one list to another."""
    target, source = own(call, call.body["toListId"])["id"], call.body.get("fromListId")
    ids: list[int] = call.body.get("leadIds") or _ids(call, source)
    put(call, target, known(call, ids))
    if source is not None and call.body["action"].lower() == "move":
        gone = "delete from lead_list_leads where list_id = ? and lead_id in (select value from json_each(?))"
        call.store.run(gone, own(call, source)["id"], json.dumps(ids))
    return done()


def _ids(call: Call, list_id: int | None) -> list[int]:
    if list_id is None:
        return []
    rows = call.store.all("select lead_id from lead_list_leads where list_id = ?", own(call, list_id)["id"])
    return [row["lead_id"] for row in rows]


def known(call: Call, ids: list[int]) -> list[int]:
    """Return those of these leads that the account has."""
    chosen = "select id from leads where account_id = ? and id in (select value from json_each(?)) order by id"
    return [row["id"] for row in call.store.all(chosen, call.account.id, json.dumps(ids))]


@routes.on(
    "POST",
    "/leads/push-to-campaign",
    body={
        "campaignId": nullable(number()),
        "campaignName": nullable(text()),
        "action": Required(choice("copy", "move", "COPY", "MOVE")),
        "leadList": obj({"listId": number(), "leadIds": array(number()), "allLeads": boolean}),
        "csvSettings": nullable(mapping()),
        "filters": nullable(mapping()),
    },
)
def push_to_campaign(call: Call) -> Response:
    """Put a list's leads, or some leads, into a campaign, as adding them there does."""
    wanted: Object = call.body.get("leadList") or {}
    ids = wanted.get("leadIds") or _ids(call, wanted.get("listId"))
    campaign_id = call.body.get("campaignId")
    if campaign_id is None:
        raise invalid("Please provide a campaignId")
    target = replace(call, params={"campaign_id": campaign_id})
    chosen = "select email from leads where id in (select value from json_each(?)) order by id"
    emails = [row["email"] for row in call.store.all(chosen, json.dumps(known(call, ids)))]
    added = adding.enrol(target, [{"email": email} for email in emails], {})
    if call.body["action"].lower() == "move" and wanted.get("listId") is not None:
        gone = "delete from lead_list_leads where list_id = ? and lead_id in (select value from json_each(?))"
        call.store.run(gone, wanted["listId"], json.dumps(ids))
    return answer(added)


@routes.on(
    "POST",
    "/lead-list/assign-tags",
    body={
        "listIds": Required(array(number(), most=10, filled=True)),
        "tagIds": array(number(), most=10),
        "removeTagIds": array(number(), most=10),
    },
)
def tag(call: Call) -> Response:
    """Take tags for lists; no answer shows them."""
    for list_id in call.body["listIds"]:
        own(call, list_id)
    return done()
