"""Adding leads to a campaign: counters instead of errors, and one ledger line for each lead of the request."""

import json
import re
from dataclasses import dataclass, field

from starlette.responses import Response

from providers.simulators.kit import ledger
from providers.simulators.kit.store import Object
from providers.simulators.smartlead.requests import Call, Routes, answer
from providers.simulators.smartlead.validation import (
    Fields,
    Required,
    array,
    boolean,
    mapping,
    nullable,
    obj,
    text,
    text_or_number,
)

routes = Routes()

MOST_LEADS = 400
TEXT_FIELDS = (
    "first_name",
    "last_name",
    "phone_number",
    "company_name",
    "website",
    "location",
    "linkedin_profile",
    "company_url",
)
LEAD: Fields = {
    "email": Required(text(empty=False)),
    **{name: nullable(text()) for name in TEXT_FIELDS},
    "phone_number": nullable(text_or_number),
    "custom_fields": nullable(mapping(most=200)),
}
_SETTINGS: Fields = {
    "ignore_global_block_list": boolean,
    "ignore_unsubscribe_list": boolean,
    "ignore_duplicate_leads_in_other_campaign": boolean,
    "ignore_community_bounce_list": boolean,
    "return_lead_ids": boolean,
}
_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass
class _Ask:
    """What an ask to add leads has come to so far; every lead is in exactly one of the lists."""

    effects: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    fresh: dict[str, Object] = field(default_factory=dict[str, Object])
    known: dict[str, Object] = field(default_factory=dict[str, Object])
    added: dict[str, int] = field(default_factory=dict[str, int])
    already: dict[str, int] = field(default_factory=dict[str, int])
    elsewhere: dict[str, int] = field(default_factory=dict[str, int])
    invalid: list[str] = field(default_factory=list[str])
    unsubscribed: list[str] = field(default_factory=list[str])
    blocked: int = 0
    duplicates: int = 0

    def note(self, email: str, effect: str) -> None:
        self.effects.append((email, effect))


@dataclass(frozen=True)
class _Known:
    """What the account already knows of the leads of a request."""

    ids: dict[str, int]
    unsubscribed: set[str]
    here: set[int]
    elsewhere: set[int]
    blocked: set[str]


@routes.on(
    "POST",
    "/campaigns/{campaign_id}/leads",
    body={
        "lead_list": Required(array(obj(LEAD), most=MOST_LEADS)),
        "settings": nullable(obj(_SETTINGS)),
    },
)
def add(call: Call) -> Response:
    """Add leads, leaving out the blocked, the unsubscribed, the invalid and the ones already there."""
    return answer(enrol(call, call.body["lead_list"], call.body.get("settings") or {}))


def enrol(call: Call, wanted: list[Object], settings: Object) -> Object:
    """Add leads to the campaign named in the path, and return the counters."""
    call.campaign()
    leads: list[Object] = [{**lead, "email": lead["email"].strip().lower()} for lead in wanted]
    known = _look_up(call, [lead["email"] for lead in leads])
    ask = _Ask()
    for lead in leads:
        _sort(ask, lead, known, settings)
    _store(call, ask, known)
    ledger.write(call.store, call.campaign_id, ask.effects, answered=call.answered, at=call.now)
    return _summary(ask, len(leads), with_ids=bool(settings.get("return_lead_ids")))


def keep(call: Call, wanted: list[Object]) -> list[int]:
    """Make these leads the account's, without a campaign, and return their ids; the invalid are left out."""
    ids: list[int] = []
    for given in wanted:
        lead = {**given, "email": given["email"].strip().lower()}
        if not _ADDRESS.fullmatch(lead["email"]):
            continue
        found = "select id from leads where account_id = ? and email = ?"
        known = call.store.value(found, call.account.id, lead["email"])
        ids.append(known or call.store.insert("leads", _columns(call, lead)))
    return ids


def _look_up(call: Call, emails: list[str]) -> _Known:
    rows = call.store.all(
        "select id, email, is_unsubscribed from leads where account_id = ?"
        " and email in (select value from json_each(?))",
        call.account.id,
        json.dumps(emails),
    )
    ids = {row["email"]: row["id"] for row in rows}
    joined = call.store.all(
        "select l.lead_id, l.campaign_id from campaign_leads l join campaigns c on c.id = l.campaign_id"
        " where l.lead_id in (select value from json_each(?)) and c.deleted_at is null",
        json.dumps(list(ids.values())),
    )
    domains = {email.split("@")[-1] for email in emails}
    blocked = call.store.all(
        "select email_or_domain from block_list where account_id = ?"
        " and email_or_domain in (select value from json_each(?))",
        call.account.id,
        json.dumps([*emails, *domains]),
    )
    return _Known(
        ids=ids,
        unsubscribed={row["email"] for row in rows if row["is_unsubscribed"]},
        here={row["lead_id"] for row in joined if row["campaign_id"] == call.campaign_id},
        elsewhere={row["lead_id"] for row in joined if row["campaign_id"] != call.campaign_id},
        blocked={row["email_or_domain"] for row in blocked},
    )


def _sort(ask: _Ask, lead: Object, known: _Known, settings: Object) -> None:
    email: str = lead["email"]
    lead_id = known.ids.get(email)
    effect = "refused"
    if email in ask.fresh or email in ask.known:
        ask.duplicates += 1
        effect = "already"
    elif not _ADDRESS.fullmatch(email):
        ask.invalid.append(email)
    elif lead_id is not None and lead_id in known.here:
        ask.duplicates += email in ask.already
        ask.already[email] = lead_id
        effect = "already"
    elif _is_blocked(email, known) and not settings.get("ignore_global_block_list"):
        ask.blocked += 1
    elif email in known.unsubscribed and not settings.get("ignore_unsubscribe_list"):
        ask.unsubscribed.append(email)
    elif lead_id is not None and lead_id in known.elsewhere and not _wants_shared(settings):
        ask.elsewhere[email] = lead_id
    else:
        (ask.fresh if lead_id is None else ask.known)[email] = lead
        effect = "added"
    ask.note(email, effect)


def _wants_shared(settings: Object) -> bool:
    # True adds a lead that is in another campaign: the documentation and most integrators read it so.
    return bool(settings.get("ignore_duplicate_leads_in_other_campaign"))


def _is_blocked(email: str, known: _Known) -> bool:
    return email in known.blocked or email.rpartition("@")[2] in known.blocked


def _store(call: Call, ask: _Ask, known: _Known) -> None:
    rows = [_columns(call, lead) for lead in ask.fresh.values()]
    call.store.insert_all("leads", rows)
    new_ids = call.store.all(
        "select id, email from leads where account_id = ? and email in (select value from json_each(?))",
        call.account.id,
        json.dumps(list(ask.fresh)),
    )
    by_email = {row["email"]: row["id"] for row in new_ids}
    for email, lead in ask.known.items():
        update_lead(call, known.ids[email], lead)
    ask.added = {
        email: by_email[email] if email in ask.fresh else known.ids[email]
        for email, effect in ask.effects
        if effect == "added"
    }
    links = [
        {
            "account_id": call.account.id,
            "campaign_id": call.campaign_id,
            "lead_id": lead_id,
            "created_at": call.now,
            "last_activity_at": call.now,
        }
        for lead_id in ask.added.values()
    ]
    call.store.insert_all("campaign_leads", links)


def _columns(call: Call, lead: Object) -> Object:
    return {
        "account_id": call.account.id,
        "email": lead["email"],
        **{name: lead.get(name) for name in TEXT_FIELDS},
        "custom_fields": json.dumps(lead.get("custom_fields") or {}),
        "created_at": call.now,
    }


def update_lead(call: Call, lead_id: int, lead: Object) -> None:
    """Write the given fields over a lead's, merging its custom fields."""
    changes: Object = {name: lead[name] for name in (*TEXT_FIELDS, "email") if name in lead}
    if lead.get("custom_fields"):
        stored = call.store.value("select custom_fields from leads where id = ?", lead_id)
        changes["custom_fields"] = json.dumps({**json.loads(stored or "{}"), **lead["custom_fields"]})
    assignments = ", ".join(f"{name} = ?" for name in changes)
    call.store.run(
        f"update leads set {assignments} where id = ?",  # noqa: S608 - names are our own
        *changes.values(),
        lead_id,
    )


def _summary(ask: _Ask, wanted: int, *, with_ids: bool) -> Object:
    counters: Object = {
        "ok": True,
        "upload_count": wanted,
        "total_leads": len(ask.added),
        "block_count": ask.blocked,
        "duplicate_count": ask.duplicates,
        "invalid_email_count": len(ask.invalid),
        "invalid_emails": ask.invalid,
        "already_added_to_campaign": len(ask.already),
        "unsubscribed_leads": ask.unsubscribed,
        "is_lead_limit_exhausted": False,
        "lead_import_stopped_count": 0,
        "bounce_count": 0,
    }
    if not with_ids:
        return counters
    groups = {
        "newlyAddedLeads": ask.added,
        "existingLeads": ask.already,
        "existingLeadsInOtherCampaigns": ask.elsewhere,
    }
    ids = {name: {email: str(lead_id) for email, lead_id in group.items()} for name, group in groups.items()}
    return {**counters, "emailToLeadIdMap": ids}
