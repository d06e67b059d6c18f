"""Taking leads out of campaigns and into a list."""

import json

from starlette.responses import Response

from providers.simulators.kit.store import Object
from providers.simulators.smartlead.compat import lead_lists
from providers.simulators.smartlead.compat.leads_all import FILTERS, matching
from providers.simulators.smartlead.leads.change import MISSING
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer, joi_refusal
from providers.simulators.smartlead.validation import (
    Fields,
    InvalidError,
    Required,
    Rule,
    anything,
    array,
    boolean,
    choice,
    nullable,
    number,
    obj,
)

routes = Routes()

# Filters that are taken and change nothing.
_UNUSED = (
    *("leadCategoryIds", "unCategorized", "emailAccountId", "teamMemberId", "emailCampaignSeqId", "campaignTagId"),
    *("replyDateFrom", "replyDateTo", "importedDate", "tagIds", "espDomainType", "segType"),
)
_IDS: Rule = array(number(), most=10_000, filled=True)
_PUSH: Fields = {
    "listId": Required(number()),
    "allLeads": boolean,
    "filters": nullable(obj({**FILTERS, **dict.fromkeys(_UNUSED, anything)})),
}


@routes.on(
    "POST",
    "/leads/push-to-list",
    body={**_PUSH, "leadIds": _IDS, "action": choice("copy", "move", "COPY", "MOVE")},
)
def push(call: Call) -> Response:
    """Put leads into a list; unless they are copied, they leave all their campaigns."""
    list_id = lead_lists.own(call, call.body["listId"])["id"]
    chosen = _chosen(call, "leadIds")
    if chosen is None:
        ids = _matching(call, call.body.get("filters") or {})
    else:
        ids = lead_lists.known(call, chosen)
        _refuse_missing(chosen, ids)
    lead_lists.put(call, list_id, ids)
    if call.body.get("action", "move").lower() == "move":
        call.store.run("delete from campaign_leads where lead_id in (select value from json_each(?))", json.dumps(ids))
    return answer({"ok": True, "message": "Leads inactivated from all leads successfully"})


@routes.on(
    "POST",
    "/leads/campaign/push-to-list",
    body={**_PUSH, "campaignId": Required(number()), "leadMapIds": _IDS, "archivedFromAllCampaign": boolean},
)
def push_from_campaign(call: Call) -> Response:
    """Move leads of one campaign into a list, named by their rows in the campaign."""
    campaign_id = _campaign(call)
    list_id = lead_lists.own(call, call.body["listId"])["id"]
    chosen = _chosen(call, "leadMapIds")
    if chosen is None:
        ids = _matching(call, {**(call.body.get("filters") or {}), "campaignId": campaign_id})
    else:
        ids = _of_rows(call, campaign_id, chosen)
    lead_lists.put(call, list_id, ids)
    gone = "delete from campaign_leads where campaign_id = ? and lead_id in (select value from json_each(?))"
    call.store.run(gone, campaign_id, json.dumps(ids))
    return answer({"ok": True, "message": "Leads pushed to list successfully"})


def _campaign(call: Call) -> int:
    named = "select id from campaigns where id = ? and account_id = ? and deleted_at is null"
    found = call.store.value(named, call.body["campaignId"], call.account.id)
    if found is None:
        raise RefusedError(404, {"error": "Campaign not found - Invalid campaign_id."})
    return found


def _chosen(call: Call, name: str) -> list[int] | None:
    """Return the ids that a request names, or None if it wants all leads."""
    everything, ids = bool(call.body.get("allLeads")), call.body.get(name)
    if everything and ids is not None:
        raise joi_refusal("body", InvalidError((name,), "is not allowed"))
    if not everything and ids is None:
        raise joi_refusal("body", InvalidError((name,), "is required"))
    return ids


def _matching(call: Call, filters: Object) -> list[int]:
    return [row["id"] for row in matching(call, filters)]


def _of_rows(call: Call, campaign_id: int, map_ids: list[int]) -> list[int]:
    rows = call.store.all(
        "select id, lead_id from campaign_leads where campaign_id = ? and id in (select value from json_each(?))",
        campaign_id,
        json.dumps(map_ids),
    )
    _refuse_missing(map_ids, [row["id"] for row in rows])
    return [row["lead_id"] for row in rows]


def _refuse_missing(wanted: list[int], found: list[int]) -> None:
    if set(wanted) - set(found):
        raise RefusedError(404, MISSING)
