"""Sub-sequences: campaigns that take leads over from another one. Their conditions are kept, not played."""

import json
from dataclasses import replace

from starlette.responses import Response

from providers.simulators.smartlead.campaigns.campaigns import FRESH, new_campaign
from providers.simulators.smartlead.leads import add
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer, done
from providers.simulators.smartlead.validation import Required, array, boolean, mapping, nullable, number, text

routes = Routes()


@routes.on(
    "POST",
    "/campaigns/create-subsequence",
    body={
        "parent_campaign_id": Required(number()),
        "subsequence_name": nullable(text()),
        "condition_events": array(mapping()),
    },
)
def create(call: Call) -> Response:
    """Create a drafted campaign under another one."""
    parent = replace(call, params={"campaign_id": call.body["parent_campaign_id"]}).campaign()
    name = call.body.get("subsequence_name") or "Untitled Campaign"
    extras = json.dumps({"condition_events": call.body.get("condition_events", [])})
    fields = {**FRESH, "parent_campaign_id": parent["id"]}
    campaign_id = new_campaign(call, name, parent["client_id"], fields, extras)
    return answer({"ok": True, "id": campaign_id, "name": name, "created_at": call.now})


@routes.on(
    "POST",
    "/master-inbox/push-to-subsequence",
    body={
        "email_lead_map_id": Required(number()),
        "sub_sequence_id": Required(number()),
        "sub_sequence_delay_time": nullable(number(least=0)),
        "stop_lead_on_parent_campaign_reply": boolean,
    },
)
def push(call: Call) -> Response:
    """Put a lead into a sub-sequence of the campaign it is in."""
    link = call.store.one(
        "select c.campaign_id, l.email from campaign_leads c join leads l on l.id = c.lead_id"
        " where c.id = ? and c.account_id = ?",
        call.body["email_lead_map_id"],
        call.account.id,
    )
    if link is None:
        raise RefusedError(404, {"error": "Lead not found - Invalid email_lead_map_id."})
    target = replace(call, params={"campaign_id": call.body["sub_sequence_id"]})
    if json.loads(target.campaign()["fields"])["parent_campaign_id"] != link["campaign_id"]:
        raise RefusedError(404, {"error": "Campaign not found - Invalid campaign_id."})
    add.enrol(target, [{"email": link["email"]}], {"ignore_duplicate_leads_in_other_campaign": True})
    return done()
