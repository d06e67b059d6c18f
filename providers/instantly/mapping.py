"""Pure translation between our words and Instantly's. What is null may as well be missing there, and the reverse."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from providers.errors import Refused
from providers.identity import same_address
from providers.instantly.timezones import ACCEPTED
from providers.models import LeadResult, LeadToAdd, Outcome, Schedule, Settings, Step
from providers.reading import as_rows
from providers.zones import Hours, kept

NAMES = ("first_name", "last_name", "company_name")
HOOK_NAME = "Outbound Engine events"
SENDING, RESTING = frozenset({1, 4}), frozenset({0, 2, 3})  # a campaign's status, where nothing is wrong with it
UNSUBSCRIBED, BOUNCED = -2, -1  # a lead's
NOT_INTERESTED = -1
DISABLED = -1  # a subscription, after failures
DOCUMENT = re.compile(r"(?i)\s*<(!doctype|html|body)\b")
# What a new campaign has until its schedule is put: it stays a draft until then.
FIRST_SCHEDULE = {
    "name": "Schedule",
    "timing": {"from": "09:00", "to": "17:00"},
    "days": {str(day): 1 <= day <= 5 for day in range(7)},
    "timezone": "Africa/Abidjan",
}
COUNTS = ("duplicated_leads", "in_blocklist", "invalid_email_count", "incomplete_count", "duplicate_email_count")
# The address grammar of JSON Schema's `email`, as far as validators agree on it.
PLAIN_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)


def campaign_name(name: str, marker: str) -> str:
    """Return the name in the account, ending with the marker by which the campaign is found again."""
    return f"{name} [{marker}]"


def new_campaign(name: str, marker: str) -> dict[str, Any]:
    """Return a draft that stops at a reply by a person, and of which nothing is tracked."""
    return {
        "name": campaign_name(name, marker),
        "campaign_schedule": {"schedules": [FIRST_SCHEDULE]},
        "stop_on_reply": True,
        "stop_on_auto_reply": False,
        "open_tracking": False,
        "link_tracking": False,
    }


def number(value: object) -> int | None:
    """Return a whole number that came as one, as a float or as text, or None."""
    try:
        return int(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None


def sequence(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return the one sequence. A delay stands at the step before, so that the first of ours has no place."""
    ordered = sorted(steps, key=lambda step: step.position)
    delays = [step.delay_days for step in ordered[1:]] + [0]
    return [{"steps": [_step(step, delay) for step, delay in zip(ordered, delays, strict=False)]}]


def _step(step: Step, delay: int) -> dict[str, Any]:
    # The provider's HTML sanitizer drops text outside of any element.
    body = step.body if DOCUMENT.match(step.body) else f"<div>{step.body}</div>"
    variant = {"subject": step.subject, "body": body}
    return {"type": "email", "delay": delay, "delay_unit": "days", "variants": [variant]}


def settings(value: Settings) -> dict[str, Any]:
    """Return the fields of the campaign that make its settings."""
    return {
        "open_tracking": value.track_opens,
        "link_tracking": value.track_clicks,
        "text_only": value.plain_text,
        "insert_unsubscribe_header": value.unsubscribe_header,
        "stop_for_company": value.stop_domain_on_reply,
    }


def schedule(value: Schedule) -> dict[str, Any]:
    """Return the fields of the campaign that make a schedule. Sunday is day 0. Raises Refused for a time zone without
    an equal there."""
    wanted = Hours(value.timezone, value.start, value.end)
    found = kept(wanted, ACCEPTED, datetime.now(UTC))
    if found is None:
        raise Refused("the schedule's hours cannot be kept in any time zone that is accepted")
    days = {day % 7 for day in value.days}
    hours = {
        "name": "Schedule",
        "timing": {"from": found.start.strftime("%H:%M"), "to": found.end.strftime("%H:%M")},
        "days": {str(day): day in days for day in range(7)},
        "timezone": found.timezone,
    }
    return {
        "campaign_schedule": {"schedules": [hours]},
        "email_gap": value.minutes_between_sends,
        "daily_max_leads": value.max_new_leads_per_day,
    }


def add_leads(campaign: str, leads: Sequence[LeadToAdd]) -> dict[str, Any]:
    """Return the add form. Who is in another campaign is added here too, as everywhere in the product."""
    return {
        "campaign_id": campaign,
        "leads": [_lead(lead) for lead in leads],
        "skip_if_in_workspace": False,
        "skip_if_in_campaign": False,
        "skip_if_in_list": False,
        "verify_leads_on_import": False,
    }


def _lead(lead: LeadToAdd) -> dict[str, Any]:
    fields: dict[str, Any] = {"email": lead.address}
    for name in NAMES:
        if value := getattr(lead, name):
            fields[name] = value
    if lead.fields:
        fields["custom_variables"] = dict(lead.fields)
    return fields


def lead_results(leads: Sequence[LeadToAdd], answer: Mapping[str, Any]) -> list[LeadResult]:
    """Say what became of each lead: the created are named; the others only counted, which tells when all are alike."""
    ids = _created(leads, answer)
    outcome, reason = _rest(answer, len(leads), len(leads) - len(ids))
    return [
        LeadResult(lead.key, Outcome.PUSHED, external_id=ids[index])
        if index in ids
        else LeadResult(lead.key, outcome, reason=reason)
        for index, lead in enumerate(leads)
    ]


def _created(leads: Sequence[LeadToAdd], answer: Mapping[str, Any]) -> dict[int, str | None]:
    """Return the ids of the created by their place in the batch; where place and address differ, the address counts."""
    places = {same_address(lead.address): index for index, lead in reversed(list(enumerate(leads)))}
    found: dict[int, str | None] = {}
    for row in as_rows(answer.get("created_leads")):
        address, index = row.get("email"), number(row.get("index"))
        if address:
            named = same_address(leads[index].address) if index is not None and 0 <= index < len(leads) else None
            place = index if named == same_address(address) else places.get(same_address(address))
        else:
            place = index
        if place is not None and 0 <= place < len(leads):
            found[place] = row_id(row)
    return found


def _rest(answer: Mapping[str, Any], sent: int, left: int) -> tuple[Outcome, str | None]:
    """Return what the counts say of those who were not created: nothing, unless one count is all of them."""
    counts = {name: number(answer.get(name)) or 0 for name in (*COUNTS, "skipped_count")}
    whole = answer.get("status") == "success" and number(answer.get("total_sent")) == sent
    if whole and sum(counts.values()) == left == max(counts.values()):
        if counts["duplicated_leads"]:
            return Outcome.PUSHED, None
        if counts["in_blocklist"]:
            return Outcome.FAILED, "not_accepted"
        if counts["invalid_email_count"]:
            return Outcome.FAILED, "invalid_address"
    return Outcome.UNCERTAIN, None


def blocked(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return what an entry of the block list holds back, lower case, and its id; None for what is no entry."""
    value, key = row.get("bl_value"), row_id(row)
    return (value.strip().lower(), key) if isinstance(value, str) and key else None


def row_id(row: Mapping[str, Any]) -> str | None:
    """Return the id of anything, as text."""
    value = row.get("id")
    return value if isinstance(value, str) and value else None


def is_in(lead: Mapping[str, Any], campaign: str) -> bool:
    """Say whether a lead is in a campaign now."""
    return str(lead.get("campaign") or "").lower() == campaign.lower()


def is_unsubscribed(lead: Mapping[str, Any]) -> bool:
    """Say whether a lead has unsubscribed, which holds for its campaign alone."""
    return number(lead.get("status")) == UNSUBSCRIBED


def hook(campaign: str, url: str) -> dict[str, Any]:
    """Return a subscription to all that happens in one campaign; the name is how ours is known."""
    return {"name": HOOK_NAME, "campaign": campaign, "target_hook_url": url, "event_type": "all_events"}


def has_marker(row: Mapping[str, Any], marker: str) -> bool:
    """Say whether a campaign's name carries our marker."""
    return marker in str(row.get("name")) and row_id(row) is not None


def is_our_hook(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Say whether a subscription is ours for this campaign, or brings our address the events of all campaigns."""
    if row_id(row) is None or row.get("custom_interest_value") is not None:
        return False
    campaign = str(row.get("campaign") or "").lower()
    if campaign == wanted["campaign"].lower():
        return row.get("target_hook_url") == wanted["target_hook_url"] or row.get("name") == wanted["name"]
    same = row.get("target_hook_url") == wanted["target_hook_url"]
    return not campaign and same and row.get("event_type") == wanted["event_type"]


def hook_distance(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[bool, int]:
    """Order subscriptions by how little they need: the one for all campaigns is never changed or deleted for one."""
    return bool(row.get("campaign")), len(hook_changes(row, wanted))


def hook_changes(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a campaign's own subscription must be set."""
    if not row.get("campaign"):
        return {}
    return {name: wanted[name] for name in ("target_hook_url", "event_type") if row.get(name) != wanted[name]}
