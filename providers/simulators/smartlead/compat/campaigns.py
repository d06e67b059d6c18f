"""Deleting and duplicating campaigns."""

import json

from starlette.responses import Response

from providers.simulators.smartlead.campaigns.campaigns import new_campaign
from providers.simulators.smartlead.requests import Call, Routes, answer, done
from providers.simulators.smartlead.validation import boolean

routes = Routes()


@routes.on("DELETE", "/campaigns/{campaign_id}")
def delete(call: Call) -> Response:
    """Delete a campaign; its leads stay in the account."""
    call.campaign()
    call.store.run("update campaigns set deleted_at = ? where id = ?", call.now, call.campaign_id)
    call.store.run("delete from webhooks where campaign_id = ?", call.campaign_id)
    call.store.run("delete from campaign_email_accounts where campaign_id = ?", call.campaign_id)
    return done()


@routes.on(
    "POST",
    "/campaigns/{campaign_id}/duplicate",
    body={"duplicate_sub_sequence": boolean, "duplicate_client_label": boolean},
)
def duplicate(call: Call) -> Response:
    """Copy a campaign's settings, sequence and mailboxes, but not its leads."""
    source = call.campaign()
    client = source["client_id"] if call.body.get("duplicate_client_label") else None
    fields = json.loads(source["fields"])
    copy_id = new_campaign(call, f"{source['name']} - copy", client, fields, source["extras"])
    _copy_sequence(call, copy_id)
    call.store.run(
        "insert into campaign_email_accounts (campaign_id, email_account_id)"
        " select ?, email_account_id from campaign_email_accounts where campaign_id = ?",
        copy_id,
        call.campaign_id,
    )
    return answer({"ok": True, "newCampaignId": copy_id})


def _copy_sequence(call: Call, copy_id: int) -> None:
    for step in call.store.all("select * from sequences where campaign_id = ?", call.campaign_id):
        kept = {key: step[key] for key in ("seq_number", "delay_in_days", "subject", "email_body", "extras")}
        stamps = {"created_at": call.now, "updated_at": call.now}
        step_id = call.store.insert("sequences", {"campaign_id": copy_id, **kept, **stamps})
        call.store.run(
            "insert into variants"
            " (sequence_id, variant_label, subject, email_body, share, created_at, updated_at)"
            " select ?, variant_label, subject, email_body, share, ?, ? from variants where sequence_id = ?",
            step_id,
            call.now,
            call.now,
            step["id"],
        )
