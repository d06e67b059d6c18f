"""Single messages outside a sequence, who looks after what, and the credits. What is sent here reaches no lead."""

import uuid

from starlette.responses import Response

from providers.simulators.kit.store import Row
from providers.simulators.smartlead.compat.mailboxes import owned
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer, done, invalid
from providers.simulators.smartlead.validation import Required, array, boolean, mapping, nullable, number, page, text

routes = Routes()

_CREDITS = 100_000


def _link(call: Call, campaign_id: int, lead_id: int) -> Row:
    found = call.store.one(
        "select * from campaign_leads where campaign_id = ? and lead_id = ? and account_id = ?",
        campaign_id,
        lead_id,
        call.account.id,
    )
    if found is None:
        raise RefusedError(404, {"error": "Lead not found - Invalid lead_id."})
    return found


@routes.on(
    "POST",
    "/campaigns/{campaign_id}/send-test-email",
    body={
        "leadId": Required(number()),
        "sequenceNumber": Required(number(least=1)),
        "selectedEmailAccountId": nullable(number()),
        "customEmailAddress": nullable(text()),
    },
)
def send_test(call: Call) -> Response:
    """Take a step's email to be sent to oneself."""
    call.campaign()
    _link(call, call.campaign_id, call.body["leadId"])
    seq_number, chosen = call.body["sequenceNumber"], call.body.get("selectedEmailAccountId")
    step = "select 1 from sequences where campaign_id = ? and seq_number = ?"
    if call.store.one(step, call.campaign_id, seq_number) is None:
        raise invalid(f"Invalid sequenceNumber - {seq_number}")
    if chosen is not None:
        owned(call, chosen)
    return done()


@routes.on(
    "POST",
    "/campaigns/{campaign_id}/forward-email",
    body={
        "reply_id": Required(number()),
        "forward_to": Required(text(empty=False)),
        "message": nullable(text()),
    },
)
def forward(call: Call) -> Response:
    """Take a reply to be forwarded."""
    call.campaign()
    return done()


@routes.on("POST", "/campaigns/{campaign_id}/team-member", body={"teamMemberId": nullable(number())})
def hand_over(call: Call) -> Response:
    """Hand a campaign to a member of the team, of which the simulator knows none."""
    call.campaign()
    return done()


@routes.on(
    "POST",
    "/campaigns/update-lead-email-account",
    body={
        "email_account_id": Required(number()),
        "email_campaign_id": Required(number()),
        "email_lead_id": Required(number()),
        "override_lead_email_account": boolean,
    },
)
def set_sender(call: Call) -> Response:
    """Let another mailbox write to a lead; one that wrote already stays, unless it is to be overridden."""
    mailbox_id = owned(call, call.body["email_account_id"])["id"]
    link = _link(call, call.body["email_campaign_id"], call.body["email_lead_id"])
    if link["email_account_id"] is None or call.body.get("override_lead_email_account"):
        call.store.run("update campaign_leads set email_account_id = ? where id = ?", mailbox_id, link["id"])
    return done()


@routes.on(
    "POST",
    "/send-email/initiate",
    body={
        "to": Required(text(empty=False)),
        "subject": Required(text(empty=False)),
        "body": Required(text(empty=False)),
        "fromEmail": nullable(text()),
        "fromEmailId": nullable(number()),
        "fromName": nullable(text()),
        "replyTo": nullable(text()),
        "attachments": array(mapping()),
    },
)
def send(call: Call) -> Response:
    """Take a message that belongs to no campaign."""
    address = (call.body.get("fromEmail") or "").lower()
    sender = call.store.one(
        "select * from email_accounts where account_id = ? and (id = ? or from_email = ?)",
        call.account.id,
        call.body.get("fromEmailId"),
        address,
    )
    if sender is None:
        raise invalid("Invalid fromEmail or fromEmailId")
    domain = sender["from_email"].split("@")[1]
    return answer({"ok": True, "message_id": f"<{uuid.uuid4()}@{domain}>"})


@routes.on(
    "GET",
    "/master-inbox/untracked-replies",
    query={
        **page(100),
        "fetchBody": boolean,
        "fetchAttachments": boolean,
        **dict.fromkeys(("from_email", "to_email", "subject_line"), text()),
    },
)
def untracked(call: Call) -> Response:
    """List nothing: only the leads of campaigns write here."""
    return answer(
        {"ok": True, "data": [], "offset": call.query.get("offset", 0), "limit": call.query.get("limit", 100)}
    )


@routes.on("GET", "/subscription/credits-stats")
def credits_left(call: Call) -> Response:
    """Return what the account may still use: each lead costs one."""
    used = call.store.value("select count(*) from leads where account_id = ?", call.account.id)
    return answer({"total_credits": _CREDITS, "used_credits": used, "remaining_credits": max(0, _CREDITS - used)})
