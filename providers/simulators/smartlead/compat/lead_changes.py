"""Changing a lead's fields and category, and taking it out of campaigns and of the account."""

from starlette.responses import PlainTextResponse, Response

from providers.simulators.kit.store import Row
from providers.simulators.smartlead import enrolment, events
from providers.simulators.smartlead.common import categories
from providers.simulators.smartlead.leads.add import LEAD, update_lead
from providers.simulators.smartlead.leads.change import MISSING, PATH, enrolled, link_of, put_status
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer, done, invalid
from providers.simulators.smartlead.validation import Required, boolean, nullable, number

routes = Routes()


@routes.on("POST", PATH, body=LEAD)
def update(call: Call) -> Response:
    """Change a lead's fields, in every campaign it is in; the address must be sent along."""
    link = link_of(call)
    email = call.body["email"].strip().lower()
    owner = call.store.value("select id from leads where account_id = ? and email = ?", call.account.id, email)
    if "@" not in email or owner not in {None, link["lead_id"]}:
        raise invalid(f"Invalid email - {call.body['email']}")
    update_lead(call, link["lead_id"], {**call.body, "email": email})
    return done()


@routes.on("DELETE", PATH)
def delete_from_campaign(call: Call) -> Response:
    """Remove the lead from the campaign; it stays in the account. The answer is no JSON."""
    call.store.run("delete from campaign_leads where id = ?", link_of(call)["id"])
    return PlainTextResponse("success")


@routes.on(
    "POST",
    f"{PATH}/category",
    body={"category_id": Required(nullable(number())), "pause_lead": boolean},
)
def set_category(call: Call) -> Response:
    """Give the lead a category, or none."""
    link, category_id = link_of(call), call.body["category_id"]
    if category_id is not None and categories.named(category_id) is None:
        raise invalid(f"Invalid category - {category_id}")
    events.categorise(call.store, enrolled(call, link["id"]), category_id)
    if call.body.get("pause_lead"):
        put_status(call, link["id"], "PAUSED")
    return done()


@routes.on("POST", "/campaigns/{campaign_id}/leads/{campaign_lead_map_id}/manual-complete")
def complete_by_hand(call: Call) -> Response:
    """Count the lead's current step as done; the path names the row in the campaign, not the lead."""
    call.campaign()
    map_id = call.params["campaign_lead_map_id"]
    link = call.store.one("select * from campaign_leads where id = ? and campaign_id = ?", map_id, call.campaign_id)
    if link is None:
        raise RefusedError(404, MISSING)
    following = call.store.all(
        "select * from sequences where campaign_id = ? and seq_number > ? order by seq_number limit 2",
        call.campaign_id,
        link["last_seq"],
    )
    if following:
        seq_number = following[0]["seq_number"]
        call.store.run("update campaign_leads set last_seq = ? where id = ?", seq_number, map_id)
    after = following[1] if len(following) > 1 else None
    put_status(call, map_id, "INPROGRESS" if after else "COMPLETED")
    step = {"id": after["id"], "delayInDays": after["delay_in_days"]} if after else None
    return answer({"ok": True, "status": {"isLastSequence": after is None, "nextSequence": step}})


@routes.on("POST", "/leads/{lead_id}/unsubscribe")
def unsubscribe_everywhere(call: Call) -> Response:
    """Take the lead out of everything the account sends, now and later."""
    lead = _own_lead(call)
    call.store.run("update leads set is_unsubscribed = 1 where id = ?", lead["id"])
    for link in call.store.all("select id from campaign_leads where lead_id = ?", lead["id"]):
        who = enrolment.enrolment(call.store, link["id"])
        if who is not None and not who.link["is_unsubscribed"]:
            events.unsubscribe(call.store, who, everywhere=True)
    return done()


@routes.on("DELETE", "/leads/{lead_id}")
def delete_everywhere(call: Call) -> Response:
    """Remove the lead from the account."""
    lead = _own_lead(call)
    call.store.run("delete from campaign_leads where lead_id = ?", lead["id"])
    call.store.run("delete from leads where id = ?", lead["id"])
    return done()


def _own_lead(call: Call) -> Row:
    found = call.store.one(
        "select * from leads where id = ? and account_id = ?", call.params["lead_id"], call.account.id
    )
    if found is None:
        raise RefusedError(404, MISSING)
    return found
