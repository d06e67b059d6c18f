"""Adding one lead to a campaign, a list, or to neither."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.leads import leads
from providers.simulators.instantly.leads.add import (
    ADDRESS,
    LEAD,
    clean,
    follow_up,
    hindrance,
    look_up,
    row_of,
    target_of,
)
from providers.simulators.instantly.requests import Call, RefusedError, Routes, answer
from providers.simulators.kit import ledger
from providers.simulators.kit.store import Object, Row

routes = Routes()

_EMPTY_WHEN_UNSET = ("personalization", "website", "last_name", "first_name", "company_name")


@routes.on(
    "POST",
    "/leads",
    "leads:create",
    body={
        **LEAD,
        "campaign": validation.text("uuid", null=True),
        "list_id": validation.text("uuid", null=True),
        "blocklist_id": validation.text("uuid"),
        "verify_leads_for_lead_finder": validation.boolean(),
        "verify_leads_on_import": validation.boolean(),
        **leads.SKIPS,
    },
)
def create(call: Call) -> Response:
    """Add one lead to a campaign, a list, or to neither."""
    column, target = target_of(call, "campaign")
    lead: Object = {**call.body, "email": clean(call.body.get("email"))}
    named = lead.get("first_name") or lead.get("last_name")
    if not lead["email"] and (column != "list_id" or not named):
        raise RefusedError(400, "body must have required property 'email'")
    if lead["email"] and not ADDRESS.fullmatch(lead["email"]):
        raise RefusedError(400, "Invalid email address")
    known = look_up(call, column or "campaign", target, [lead["email"]])
    reason = hindrance(call.body, lead, known, set(), in_list=column == "list_id")
    if reason and reason[1] in ("in_blocklist", "skipped_count"):
        _note(call, target, lead["email"], "refused")
        return answer(_skipped(call, lead, column, target))
    if reason and call.options["duplicate_create"] == "same":
        _note(call, target, lead["email"], "already")
        return answer(leads.shown(_existing(call, column, target, lead["email"])))
    full = {
        **dict.fromkeys(_EMPTY_WHEN_UNSET, ""),
        **{name: value for name, value in lead.items() if value is not None},
    }
    container = {column: target} if column else {}
    row = row_of(call, full, container, leads.payload(lead, full=True, container=container))
    call.store.insert("leads", row)
    follow_up(call, column, target, [lead], added=True)
    _note(call, target, lead["email"], "added")
    return answer(leads.shown(leads.find(call, row["id"])))


def _note(call: Call, target: str, email: str, effect: str) -> None:
    ledger.write(call.store, target, [(email, effect)], answered=call.answered, at=call.now)


def _existing(call: Call, column: str, target: str, email: str) -> Row:
    row = call.store.one(
        "select * from leads where workspace = ? and email = ?"
        " and (? = '' or (? = 'campaign' and campaign = ?) or (? = 'list_id' and list_id = ?)) order by id",
        *(call.workspace, email, column, column, target, column, target),
    )
    if row is None:
        raise RefusedError(404, "Resource not found")
    return row


def _skipped(call: Call, lead: Object, column: str, target: str) -> Object:
    # What the live service answers is not recorded: a lead that is shown as skipped, and is kept nowhere.
    identity = ids.ordered_id(call.store)
    stamps = {"timestamp_created": call.now, "timestamp_updated": call.now}
    counts = dict.fromkeys(("email_open_count", "email_reply_count", "email_click_count"), 0)
    place = {column: target} if column else {}
    domain = lead["email"].partition("@")[2]
    whole = {"id": identity, **stamps, "organization": call.workspace, "status": leads.SKIPPED, **counts, **place}
    shown: Object = {**whole, "company_domain": domain, "status_summary": {}, "email": lead["email"]}
    return entities.shown({**shown, "payload": leads.payload(lead, full=True, container=place)})
