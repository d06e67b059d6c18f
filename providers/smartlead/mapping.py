"""Pure translation between our words and Smartlead's."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from providers.identity import same_address
from providers.models import LeadResult, LeadToAdd, Outcome, Schedule, Settings, Step
from providers.reading import as_integer, as_list, as_mapping

MOST_FIELDS = 20  # of a person; by other sources 200, but one more may refuse a whole batch


def campaign_name(name: str, marker: str) -> str:
    """Return the name in the account, ending with the marker by which the campaign is found again."""
    return f"{name} [{marker}]"


def sequence(steps: Sequence[Step], ids: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the save form: `delay_in_days` here, `delayInDays` when it is read back."""
    return [
        {
            "id": ids.get(str(step.position)),
            "seq_number": step.position,
            "seq_delay_details": {"delay_in_days": step.delay_days},
            "subject": step.subject,
            "email_body": step.body,
        }
        for step in steps
    ]


def settings(value: Settings) -> dict[str, Any]:
    """Return the settings. What is not to be tracked is named; read back, the words are others."""
    untracked = {"DONT_TRACK_EMAIL_OPEN": value.track_opens, "DONT_TRACK_LINK_CLICK": value.track_clicks}
    return {
        "track_settings": [word for word, tracked in untracked.items() if not tracked],
        "send_as_plain_text": value.plain_text,
        "add_unsubscribe_tag": value.unsubscribe_header,
        "auto_pause_domain_leads_on_reply": value.stop_domain_on_reply,
    }


def schedule(value: Schedule) -> dict[str, Any]:
    """Return the flat form. Days 1 to 6 mean the same in both readings; Sunday goes as 0, the documented one."""
    return {
        "timezone": value.timezone,
        "days_of_the_week": sorted(day % 7 for day in value.days),
        "start_hour": value.start.strftime("%H:%M"),
        "end_hour": value.end.strftime("%H:%M"),
        "min_time_btw_emails": value.minutes_between_sends,
        "max_new_leads_per_day": value.max_new_leads_per_day,
    }


def add_leads(leads: Sequence[LeadToAdd]) -> dict[str, Any]:
    """Return the add form. Only known keys: one unknown key refuses the whole batch."""
    return {
        "lead_list": [_lead(lead) for lead in leads],
        "settings": {
            "ignore_global_block_list": False,
            "ignore_unsubscribe_list": False,
            # By the reference, true adds people who are in another campaign as well; where an account reads it the
            # other way round, the answer lists them apart, and we look them up.
            "ignore_duplicate_leads_in_other_campaign": True,
            "return_lead_ids": True,
        },
    }


def _lead(lead: LeadToAdd) -> dict[str, Any]:
    fields: dict[str, Any] = {"email": lead.address}
    for name, value in (
        ("first_name", lead.first_name),
        ("last_name", lead.last_name),
        ("company_name", lead.company_name),
    ):
        if value:
            fields[name] = value
    if lead.fields:
        fields["custom_fields"] = dict(islice(lead.fields.items(), MOST_FIELDS))
    return fields


def lead_results(leads: Sequence[LeadToAdd], body: Any) -> list[LeadResult]:
    """Say what became of each lead: by the id map, by the lists of refused, else by totals that account for all."""
    answer = as_mapping(body)
    ids = _ids(answer.get("emailToLeadIdMap"))
    refused = dict.fromkeys(_emails(answer.get("invalid_emails")), "invalid_address")
    refused |= dict.fromkeys(_emails(answer.get("unsubscribed_leads")), "unsubscribed")
    left = [lead for lead in leads if lead.address not in ids and lead.address not in refused]
    outcome, reason = _rest(answer, len(leads), len(left))
    results: list[LeadResult] = []
    for lead in leads:
        if lead.address in ids:
            results.append(LeadResult(lead.key, Outcome.PUSHED, external_id=ids[lead.address]))
        elif lead.address in refused:
            results.append(LeadResult(lead.key, Outcome.FAILED, reason=refused[lead.address]))
        else:
            results.append(LeadResult(lead.key, outcome, reason=reason))
    return results


def _rest(answer: Mapping[str, Any], sent: int, left: int) -> tuple[Outcome, str | None]:
    """Return what the totals say of the leads that the answer does not name: nothing, unless they account for all.
    Leads on the block list are never named; they are all that is left, or it is not known which they are."""
    placed = _number(answer.get("total_leads")) + _number(answer.get("already_added_to_campaign"))
    blocked, unsubscribed = _number(answer.get("block_count")), answer.get("unsubscribed_leads")
    refused = _number(answer.get("invalid_email_count")) + (len(as_list(unsubscribed)) or _number(unsubscribed))
    if answer.get("ok") is True and placed == sent:
        return Outcome.PUSHED, None
    if answer.get("ok") is True and blocked == left and placed + refused + blocked == sent:
        return Outcome.FAILED, "not_accepted"
    return Outcome.UNCERTAIN, None


def _ids(value: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in ("newlyAddedLeads", "existingLeads"):
        group = as_mapping(as_mapping(value).get(name))
        found |= {same_address(email): str(key) for email, key in group.items()}
    return found


def _emails(value: Any) -> list[str]:
    return [same_address(as_mapping(item).get("email", item)) for item in as_list(value)]


def _number(value: Any) -> int:
    return as_integer(value) or 0


def campaign_lead(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return the address, lower case, and the lead id of a row of a campaign's list."""
    inner = as_mapping(row.get("lead")) or row
    return same_address(inner.get("email")), str(inner.get("id") or "")


def blocked(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return what an entry of the block list holds back, lower case, and its id. None for one that holds for a single
    client of the account's, which is not the account's own, and for what is no entry."""
    value, key = row.get("email_or_domain"), row.get("id")
    if row.get("client_id") or not isinstance(value, str) or not isinstance(key, int | str):
        return None
    return value.strip().lower(), str(key)


def with_slack(since: datetime) -> str:
    """Return the moment ten minutes earlier, as the list's filter takes it."""
    return (since - timedelta(minutes=10)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
