"""Pure translation between our words and HeyReach's. A person is a profile: `linkedin.com/in/…` is our spelling."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from providers import identity
from providers.errors import Refused
from providers.models import LeadResult, LeadToAdd, Outcome, Schedule
from providers.reading import as_integer, as_list, as_mapping
from providers.templates import UNSEEN

LONGEST_NAME = 50
LONGEST_LIST_NAME = 60
LIST_OF_PEOPLE = "USER_LIST"
STARTING, PAUSED = "STARTING", "PAUSED"
TAKING = frozenset({"IN_PROGRESS", "FINISHED", PAUSED})  # what people can be added to
RUNNING = frozenset({STARTING, "IN_PROGRESS"})
UNSTARTED = frozenset({"DRAFT", "SCHEDULED"})
# A person's status in a campaign: one who rests, or whose status is not known yet, may go on.
GOING = frozenset({"Pending", "InSequence", "Paused", "PendingOrExcludedToBeCalculated"})
# Settings by the name that POST campaign/UpdateSettings takes, each with its name in GET campaign/GetById.
SETTINGS = {
    "excludeContactedFromOtherCampaigns": "excludeInOtherCampaigns",
    "excludeHasOtherAccConversations": "excludeHasOtherAccConversations",
    "excludeContactedFromSenderInOtherCampaign": "excludeContactedFromSenderInOtherCampaign",
}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# A webhook has one kind of event, and a name of 3 to 25 characters by which ours is known.
HOOKS = {
    "CONNECTION_REQUEST_SENT": "obx request sent",
    "CONNECTION_REQUEST_ACCEPTED": "obx request accepted",
    "MESSAGE_SENT": "obx message sent",
    "MESSAGE_REPLY_RECEIVED": "obx message reply",
    "INMAIL_SENT": "obx inmail sent",
    "INMAIL_REPLY_RECEIVED": "obx inmail reply",
}
COUNTS = ("addedLeadsCount", "updatedLeadsCount", "failedLeadsCount")


def profile(url: object) -> str | None:
    """Return the key of a profile, or None when it is none."""
    return identity.profile_key(url) if isinstance(url, str) else None


def profile_url(address: str) -> str | None:
    """Return a profile as it is sent, which is a person's id too."""
    found = profile(address)
    return identity.profile_url(found) if found else None


def whole(value: object) -> int | None:
    """Return an id as the number it is there, or None."""
    text = "" if isinstance(value, bool) else str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def row_id(row: Mapping[str, Any]) -> str | None:
    """Return the id of anything, as text."""
    value = whole(row.get("id"))
    return None if value is None else str(value)


def created_id(body: object, name: str) -> str | None:
    """Return the id in the answer to a creation; some have been called `id` alike."""
    given = as_mapping(body)
    return row_id({"id": given.get(name)}) or row_id(given)


def campaign_number(campaign: str) -> int:
    """Return a campaign's id as bodies have it. What is no number is no campaign. Raises Refused for that."""
    number = whole(campaign)
    if number is None:
        raise Refused("there is no such campaign", status=404)
    return number


def accounts(senders: Sequence[str]) -> list[int]:
    """Return the ids of seats. Raises Refused when one is no number, or there is none."""
    numbers = [number for sender in senders if (number := whole(sender)) is not None]
    if not numbers or len(numbers) < len(senders):
        raise Refused("the senders are not seats, or there are none")
    return numbers


def _cut(text: str, most: int) -> str:
    """Return the beginning of a text; characters are counted in UTF-16 there."""
    return text.encode("utf-16-le", "ignore")[: 2 * most].decode("utf-16-le", "ignore").strip()


def campaign_name(name: str) -> str:
    """Return the name in the account, as much of it as is taken."""
    return _cut(name.strip(), LONGEST_NAME) or "Campaign"


def list_name(name: str, marker: str) -> str:
    """Return the name of a campaign's list, ending with the marker by which both are found again."""
    return f"{_cut(name.strip(), LONGEST_LIST_NAME)} [{marker}]".lstrip()


def is_our_list(row: Mapping[str, Any], marker: str) -> bool:
    """Say whether a list was made for the campaign of the marker."""
    fits = row.get("listType") in (None, LIST_OF_PEOPLE) and row_id(row) is not None
    return fits and marker in str(row.get("name"))


def has_marker(row: Mapping[str, Any], marker: str) -> bool:
    """Say whether a campaign draws from the list that carries our marker."""
    return marker in str(row.get("linkedInUserListName")) and row_id(row) is not None


def new_campaign(name: str, list_id: int, seats: Sequence[int]) -> dict[str, Any]:
    """Return a draft that excludes no person."""
    return {"name": campaign_name(name), "linkedInUserListId": list_id, "linkedInAccountIds": list(seats)}


def settings(row: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return a campaign's settings with a new name and all else as it stands; None where the list is not given."""
    list_id = whole(row.get("linkedInUserListId"))
    if list_id is None:
        return None
    flags = {theirs: row.get(read) is True for theirs, read in SETTINGS.items()}
    kept = {**flags, "excludeListId": whole(row.get("excludeListId"))}
    return {"name": campaign_name(name), "linkedInUserListId": list_id, **kept}


def schedule(value: Schedule) -> dict[str, Any]:
    """Return days and hours. The first day is left out: it cannot be changed later."""
    days = {f"enabled{name}": number in value.days for number, name in enumerate(DAYS, start=1)}
    return {
        "dailyStartTime": value.start.strftime("%H:%M:%S"),
        "dailyEndTime": value.end.strftime("%H:%M:%S"),
        "timeZoneId": value.timezone,
        **days,
    }


def switch(status: str, active: bool) -> str | None:
    """Return the verb that makes a campaign of this status active or not; None where it is."""
    if active is (status in RUNNING):
        return None
    if not active:
        return "Pause"
    return "StartCampaign" if status in UNSTARTED else "Resume"


def stands(status: str, active: bool) -> bool:
    """Say whether a campaign, after a refusal, is as wanted: without people one ends by itself, and waits for some."""
    return status in RUNNING | {"FINISHED"} if active else status not in RUNNING


def is_going(row: Mapping[str, Any] | None) -> bool:
    """Say whether something more is sent to a person."""
    return row is not None and row.get("leadStatus") in GOING


def add_leads(
    campaign: int, leads: Sequence[LeadToAdd], seats: Sequence[int], *, resume_paused: bool
) -> dict[str, Any]:
    """Return the add form. A campaign that ended goes on with these people, and a paused one where the form says so."""
    pairs = [{"linkedInAccountId": _seat(lead, seats), "lead": _lead(lead)} for lead in leads]
    resume = {"resumeFinishedCampaign": True, "resumePausedCampaign": resume_paused}
    return {"campaignId": campaign, "accountLeadPairs": pairs, **resume}


def _seat(lead: LeadToAdd, seats: Sequence[int]) -> int:
    """Return the same seat for the same person each time."""
    return seats[int.from_bytes(hashlib.sha256(lead.address.encode()).digest()[:8]) % len(seats)]


def _lead(lead: LeadToAdd) -> dict[str, Any]:
    url = profile_url(lead.address)
    if url is None:
        raise Refused("a person is not named by a profile")
    known = {
        "firstName": lead.first_name,
        "lastName": lead.last_name,
        "companyName": lead.company_name,
        "emailAddress": lead.email,
    }
    # Where a value is missing, another text is sent, without any: so what is empty is sent as what shows nothing.
    pairs = [{"name": name, "value": value or UNSEEN} for name, value in lead.fields.items()]
    given = {name: value for name, value in known.items() if value}
    return {"profileUrl": url, **given, **({"customUserFields": pairs} if pairs else {})}


def lead_results(leads: Sequence[LeadToAdd], answer: Mapping[str, Any]) -> list[LeadResult]:
    """Say what became of the batch: three counts tell it only where all are in. People are named by their profile."""
    counts = [count for name in COUNTS if (count := as_integer(answer.get(name))) is not None]
    all_in = len(counts) == len(COUNTS) and sum(counts[:2]) == len(leads) and counts[2] == 0
    if not all_in:
        return [LeadResult(lead.key, Outcome.UNCERTAIN) for lead in leads]
    return [LeadResult(lead.key, Outcome.PUSHED, external_id=profile_url(lead.address)) for lead in leads]


def hook(campaign: int, url: str, event_type: str, name: str) -> dict[str, Any]:
    """Return a webhook for one kind of event of one campaign: with no campaign named it would be for all."""
    return {"webhookName": name, "webhookUrl": url, "eventType": event_type, "campaignIds": [campaign]}


def is_our_hook(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Say whether a webhook brings our address these events, or did so at an address we had before."""
    if str(row.get("eventType")).upper() != wanted["eventType"]:
        return False
    campaigns = [whole(value) for value in as_list(row.get("campaignIds"))]
    if row.get("webhookUrl") == wanted["webhookUrl"]:
        return not campaigns or campaigns == wanted["campaignIds"]
    return row.get("webhookName") == wanted["webhookName"] and campaigns == wanted["campaignIds"]


def hook_changes(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a webhook must be set."""
    changes = {name: wanted[name] for name in ("webhookUrl", "campaignIds") if row.get(name) != wanted[name]}
    return changes if row.get("isActive") is True else {**changes, "isActive": True}
