"""Lists of people: creating and listing them."""

import json

from starlette.responses import Response

from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.requests import Call, Routes, answer
from providers.simulators.heyreach.validation import Required, array, choice, page, text, whole
from providers.simulators.kit.store import Object, Row

routes = Routes()

TYPES = ("USER_LIST", "COMPANY_LIST")
_TYPE = choice("Lists.PublicListType", *TYPES)


def shown(call: Call, row: Row) -> Object:
    """Return a list as the provider shows it."""
    size = call.store.value("select count(*) from list_leads where list_id = ?", row["id"])
    used = call.store.all("select id from campaigns where list_id = ? order by id", row["id"])
    return {
        "id": row["id"],
        "name": row["name"],
        "totalItemsCount": size,
        "listType": row["list_type"],
        "creationTime": times.shown(row["created_at"]),
        "campaignIds": [campaign["id"] for campaign in used],
    }


@routes.on(
    "POST",
    "/list/GetAll",
    body={**page(), "keyword": text(), "listType": _TYPE, "campaignIds": array(whole())},
)
def list_all(call: Call) -> Response:
    """List the workspace's lists, newest first."""
    rows = call.store.all(
        "select * from lists l where workspace_id = ?1 and instr(lower(name), lower(?2)) > 0"
        " and (?3 is null or list_type = ?3) and (?4 = '[]' or exists (select 1 from campaigns c"
        " where c.list_id = l.id and c.id in (select value from json_each(?4)))) order by id desc",
        call.workspace.id,
        call.body["keyword"] or "",
        call.body["listType"],
        json.dumps(call.body["campaignIds"] or []),
    )
    first, size = call.body["offset"], call.body["limit"]
    return answer({"totalCount": len(rows), "items": [shown(call, row) for row in rows[first : first + size]]})


@routes.on("POST", "/list/CreateEmptyList", body={"name": Required(text()), "type": _TYPE})
def create(call: Call) -> Response:
    """Create a list; the answer has another shape than every other list."""
    kind = call.body["type"] or "USER_LIST"
    row = {"workspace_id": call.workspace.id, "name": call.body["name"], "list_type": kind, "created_at": call.now}
    list_id = call.store.insert("lists", row)
    return answer(
        {
            "id": list_id,
            "name": call.body["name"],
            "count": 0,
            "listType": kind,
            "creationTime": times.shown(call.now),
            "isDeleted": False,
            "campaigns": None,
            "search": None,
            "status": "UNKNOWN",
        }
    )


def put_on(call: Call, list_id: int, profile_id: int, lead: Object) -> bool:
    """Put a person on a list with its custom fields, and return whether it was not there before."""
    pairs = lead.get("customUserFields")
    fresh = call.store.run(
        "insert or ignore into list_leads (list_id, profile_id, created_at) values (?, ?, ?)",
        list_id,
        profile_id,
        call.now,
    )
    if pairs:
        stored = call.store.value(
            "select custom_fields from list_leads where list_id = ? and profile_id = ?", list_id, profile_id
        )
        merged = {pair["name"]: pair["value"] for pair in [*json.loads(stored), *pairs]}
        call.store.run(
            "update list_leads set custom_fields = ? where list_id = ? and profile_id = ?",
            json.dumps([{"name": name, "value": value} for name, value in merged.items()]),
            list_id,
            profile_id,
        )
    return fresh > 0
