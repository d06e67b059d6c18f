"""Adding many leads: counters instead of errors, and one ledger line for each lead of the request."""

import json
import re
from dataclasses import dataclass, field

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import ids
from providers.simulators.instantly.leads import block_list, leads
from providers.simulators.instantly.requests import Call, RefusedError, Routes, answer
from providers.simulators.kit import ledger
from providers.simulators.kit.store import Object

routes = Routes()

MOST_LEADS = 1000
ADDRESS = re.compile(r"[^@\s,;<>\"]+@[a-z0-9-]+(\.[a-z0-9-]+)+")
LEAD: validation.Fields = {"email": validation.text(null=True), **leads.WRITABLE}


def target_of(call: Call, name: str) -> tuple[str, str]:
    """Return the column and the id of the campaign or list that the body names."""
    campaign, list_id = call.body.get(name), call.body.get("list_id")
    if campaign:
        call.find("campaign", campaign)
        return "campaign", campaign
    if list_id:
        call.find("list", list_id)
        return "list_id", list_id
    return "", ""


@dataclass
class _Ask:
    """What an ask to add many leads has come to so far."""

    created: list[Object] = field(default_factory=list[Object])
    rows: list[Object] = field(default_factory=list[Object])
    effects: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def leave_out(self, email: str, effect: str, counter: str) -> None:
        self.effects.append((email, effect))
        self.counts[counter] = self.counts.get(counter, 0) + 1


@dataclass(frozen=True)
class Known:
    """What stands in the way of leads: where their addresses already are, and who is blocked."""

    here: set[str]
    campaigns: set[str]
    lists: set[str]
    anywhere: set[str]
    blocked: block_list.Blocked


@routes.on(
    "POST",
    "/leads/add",
    "leads:create",
    body={
        "campaign_id": validation.text("uuid"),
        "list_id": validation.text("uuid"),
        "leads": validation.Required(validation.array(validation.obj(LEAD), least=1, most=MOST_LEADS)),
        "blocklist_id": validation.text("uuid", null=True),
        "assigned_to": validation.text("uuid"),
        "verify_leads_on_import": validation.boolean(),
        **leads.SKIPS,
    },
)
def add(call: Call) -> Response:
    """Add up to a thousand leads to a campaign or a list, leaving out what does not fit."""
    if bool(call.body.get("campaign_id")) == bool(call.body.get("list_id")):
        raise RefusedError(400, "Exactly one of campaign_id or list_id must be provided")
    column, target = target_of(call, "campaign_id")
    wanted: list[Object] = [{**lead, "email": clean(lead.get("email"))} for lead in call.body["leads"]]
    known = look_up(call, column, target, [lead["email"] for lead in wanted])
    ask, seen = _Ask(), set[str]()
    for index, lead in enumerate(wanted):
        reason = hindrance(call.body, lead, known, seen, in_list=column == "list_id")
        if reason:
            ask.leave_out(lead["email"], *reason)
        else:
            _take(call, ask, index, lead, {column: target})
        seen.add(lead["email"])
    call.store.insert_all("leads", ask.rows)
    follow_up(call, column, target, wanted, added=bool(ask.rows))
    ledger.write(call.store, target, ask.effects, answered=call.answered, at=call.now)
    return answer(_summary(call, ask, len(wanted)))


def clean(email: str | None) -> str:
    """Return an address as it is kept."""
    return (email or "").strip().lower()


def look_up(call: Call, column: str, target: str, emails: list[str]) -> Known:
    """Return what stands in the way of leads with these addresses."""
    rows = call.store.all(
        "select email, campaign, list_id from leads where workspace = ? and email in (select value from json_each(?))",
        call.workspace,
        json.dumps(emails),
    )
    return Known(
        here={row["email"] for row in rows if row[column] == target},
        campaigns={row["email"] for row in rows if row["campaign"]},
        lists={row["email"] for row in rows if row["list_id"]},
        anywhere={row["email"] for row in rows},
        blocked=block_list.Blocked(call.store, call.workspace),
    )


def hindrance(settings: Object, lead: Object, known: Known, seen: set[str], *, in_list: bool) -> tuple[str, str] | None:
    """Return why a lead cannot be added: the effect, and the counter that tells it."""
    email = lead["email"]
    if not email and in_list:
        named = lead.get("first_name") or lead.get("last_name")
        return None if named else ("refused", "incomplete_count")
    if not ADDRESS.fullmatch(email):
        return "refused", "invalid_email_count"
    if email in seen:
        return "already", "duplicate_email_count"
    if email in known.blocked:
        return "refused", "in_blocklist"
    return ("already", "duplicated_leads") if email in known.here else _skipped_for(settings, email, known)


def _skipped_for(settings: Object, email: str, known: Known) -> tuple[str, str] | None:
    skips = {
        "skip_if_in_workspace": known.anywhere,
        "skip_if_in_campaign": known.campaigns,
        "skip_if_in_list": known.lists,
    }
    skipped = any(settings.get(name) and email in found for name, found in skips.items())
    return ("refused", "skipped_count") if skipped else None


def _take(call: Call, ask: _Ask, index: int, lead: Object, place: Object) -> None:
    full = {**lead, "assigned_to": lead.get("assigned_to") or call.body.get("assigned_to")}
    row = row_of(call, full, place, leads.payload(lead, full=False, container={}))
    ask.rows.append(row)
    ask.effects.append((lead["email"], "added"))
    shown = {name: lead.get(name) for name in ("first_name", "last_name", "phone")}
    ask.created.append({"index": index, "id": row["id"], "email": lead["email"] or None, **shown})


def row_of(call: Call, lead: Object, place: Object, payload: Object) -> Object:
    """Return a lead's row."""
    optional = {name: lead.get(name) for name in ("pl_value_lead", "assigned_to")}
    names = {name: lead.get(name) for name in leads.NAMES if name not in ("first_name", "last_name")}
    kept = {**names, **optional, "payload": payload, "upload_method": "api"}
    interest = lead.get("lt_interest_status")
    return {
        "id": ids.ordered_id(call.store),
        "workspace": call.workspace,
        "campaign": place.get("campaign"),
        "list_id": place.get("list_id"),
        "email": lead.get("email") or None,
        "first_name": lead.get("first_name"),
        "last_name": lead.get("last_name"),
        "interest": interest,
        "created_at": call.now,
        "updated_at": call.now,
        "due_at": 0.0 if place.get("campaign") and interest is None else None,
        "fields": json.dumps({name: value for name, value in kept.items() if value is not None}),
    }


def follow_up(call: Call, column: str, target: str, wanted: list[Object], *, added: bool) -> None:
    """Name the campaign's new variables, and let a completed campaign go on."""
    if column != "campaign" or not added:
        return
    brought: list[Object] = [lead.get("custom_variables") or {} for lead in wanted]
    names = {name for one in brought for name in one}
    leads.extend_variables(call.store, call.workspace, target, names)
    campaign = call.find("campaign", target)
    if campaign["status"] == leads.COMPLETED and call.options["completed_resumes"]:
        call.save("campaign", {**campaign, "status": 1})


_COUNTERS = (
    "in_blocklist",
    "duplicated_leads",
    "skipped_count",
    "invalid_email_count",
    "incomplete_count",
    "duplicate_email_count",
)


def _summary(call: Call, ask: _Ask, wanted: int) -> Object:
    stored = call.store.value("select count(*) from leads where workspace = ?", call.workspace)
    left = max(0, int(call.options["plan_contacts"]) - stored)
    return {
        "status": "success",
        "total_sent": wanted,
        "leads_uploaded": len(ask.rows),
        "blocklist_used": call.body.get("blocklist_id"),
        **{name: ask.counts.get(name, 0) for name in _COUNTERS},
        "remaining_in_plan": left if call.body.get("campaign_id") else None,
        "created_leads": ask.created,
    }
