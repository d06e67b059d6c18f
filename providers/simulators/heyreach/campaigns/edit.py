"""Creating and changing campaigns: the campaign API of 2026, which a workspace may not have."""

import json
from typing import Any

from starlette.responses import Response

from providers.simulators.heyreach.campaigns import schedules, sequences
from providers.simulators.heyreach.requests import Call, Routes, answer, empty, refusal
from providers.simulators.heyreach.validation import Fields, Required, anything, array, flag, model, text, whole
from providers.simulators.kit.store import Object, Row

routes = Routes()

CAMPAIGN_ID = {"campaignId": Required(whole())}
ACCOUNTS = {"linkedInAccountIds": Required(array(whole("System.Int32"), least=1, most=100))}
_EXCLUSIONS: Fields = {
    "excludeContactedFromOtherCampaigns": flag,
    "excludeHasOtherAccConversations": flag,
    "excludeContactedFromSenderInOtherCampaign": flag,
    "excludeListId": whole(),
}
_SETTINGS: Fields = {
    "name": Required(text(1, 50)),
    "linkedInUserListId": Required(whole()),
    **_EXCLUSIONS,
}
_SCHEDULE = model(schedules.FIELDS, "Campaigns.PublicCampaignScheduleDto")


@routes.on(
    "POST",
    "/campaign/Create",
    body={**_SETTINGS, **ACCOUNTS, "schedule": _SCHEDULE, "sequence": anything},
    beta=True,
)
def create(call: Call) -> Response:
    """Create a draft."""
    body = call.body
    _check_lists(call)
    _check_accounts(call, body["linkedInAccountIds"])
    sequence = None if body["sequence"] is None else _tree(call, body["sequence"])
    campaign_id = call.store.insert(
        "campaigns",
        {
            "workspace_id": call.workspace.id,
            "name": body["name"],
            "list_id": body["linkedInUserListId"],
            "exclusions": json.dumps(_exclusions(body)),
            "schedule": json.dumps(schedules.checked(body["schedule"])),
            "sequence": None if sequence is None else json.dumps(sequence),
            "created_at": call.now,
        },
    )
    link(call, campaign_id, body["linkedInAccountIds"])
    return answer({"campaignId": campaign_id})


def _exclusions(body: Object) -> Object:
    flags = {name: bool(body[name]) for name in _EXCLUSIONS}
    return {**flags, "excludeListId": body["excludeListId"]}


def _check_lists(call: Call) -> None:
    body = call.body
    if call.list_(body["linkedInUserListId"])["list_type"] != "USER_LIST":
        raise refusal("The list is not a list of leads.")
    if body["excludeListId"] is not None:
        call.list_(body["excludeListId"])
    if body["excludeListId"] == body["linkedInUserListId"]:
        raise refusal("The exclude list must not be the list of the campaign.")


def _check_accounts(call: Call, account_ids: list[int]) -> None:
    for account_id in account_ids:
        fault = fault_of_account(call, account_id)
        if fault:
            raise refusal(fault)


def fault_of_account(call: Call, account_id: int) -> str | None:
    """Return why an account cannot send, or None."""
    seat = call.seat(account_id)
    if seat is None:
        return f"The LinkedIn account {account_id} does not exist."
    return None if seat["auth_is_valid"] else f"The LinkedIn account {account_id} is not authenticated."


def _tree(call: Call, raw: Any) -> Object:
    return sequences.checked(raw, root_needs_delay=bool(call.options["root_needs_delay"]))


def link(call: Call, campaign_id: int, account_ids: list[int]) -> None:
    """Make these the campaign's senders too."""
    rows = [(campaign_id, account_id) for account_id in account_ids]
    call.store.many("insert or ignore into campaign_accounts values (?, ?)", rows)


def _editable(call: Call) -> Row:
    campaign = call.campaign(call.body["campaignId"])
    if campaign["status"] not in ("DRAFT", "SCHEDULED", "PAUSED"):
        raise refusal("Only draft, scheduled and paused campaigns can be edited.")
    if campaign["status"] == "SCHEDULED":
        call.store.run("update campaigns set status = 'DRAFT', settles_at = null where id = ?", campaign["id"])
    return campaign


@routes.on("POST", "/campaign/UpdateSettings", body={**CAMPAIGN_ID, **_SETTINGS}, beta=True)
def update_settings(call: Call) -> Response:
    """Change name, list and exclusions; the list is fixed once the campaign has started."""
    campaign = _editable(call)
    _check_lists(call)
    if campaign["started_at"] and call.body["linkedInUserListId"] != campaign["list_id"]:
        raise refusal("The list of a campaign that was started cannot be changed.")
    call.store.run(
        "update campaigns set name = ?, list_id = ?, exclusions = ? where id = ?",
        call.body["name"],
        call.body["linkedInUserListId"],
        json.dumps(_exclusions(call.body)),
        campaign["id"],
    )
    return empty()


@routes.on("POST", "/campaign/UpdateSequence", body={**CAMPAIGN_ID, "sequence": Required(anything)}, beta=True)
def update_sequence(call: Call) -> Response:
    """Replace the tree; a campaign that has started keeps its form."""
    campaign = _editable(call)
    tree = _tree(call, call.body["sequence"])
    if campaign["started_at"] and sequences.shape(tree) != sequences.shape(json.loads(campaign["sequence"])):
        raise refusal("The sequence is not compatible with the sequence of the started campaign.")
    call.store.run("update campaigns set sequence = ? where id = ?", json.dumps(tree), campaign["id"])
    return empty()


@routes.on("POST", "/campaign/UpdateSchedule", body={**CAMPAIGN_ID, "schedule": Required(_SCHEDULE)}, beta=True)
def update_schedule(call: Call) -> Response:
    """Replace the schedule; nothing ever answers it again."""
    campaign = _editable(call)
    schedule = schedules.checked(call.body["schedule"])
    if campaign["started_at"] and schedule["startDate"] != json.loads(campaign["schedule"])["startDate"]:
        raise refusal("The start date of a campaign that was started cannot be changed.")
    call.store.run("update campaigns set schedule = ? where id = ?", json.dumps(schedule), campaign["id"])
    return empty()


@routes.on("POST", "/campaign/UpdateAccounts", body={**CAMPAIGN_ID, **ACCOUNTS}, beta=True)
def update_accounts(call: Call) -> Response:
    """Make the senders exactly these; the leads of those taken away are stopped for good."""
    campaign = _editable(call)
    wanted = call.body["linkedInAccountIds"]
    _check_accounts(call, wanted)
    present = call.store.all("select account_id from campaign_accounts where campaign_id = ?", campaign["id"])
    for row in present:
        if row["account_id"] not in wanted:
            unlink(call, campaign["id"], row["account_id"])
    link(call, campaign["id"], wanted)
    return empty()


def unlink(call: Call, campaign_id: int, account_id: int) -> bool:
    """Take a sender away and stop its leads for good; return whether it was there."""
    call.store.run(
        "update campaign_leads set stopped = 1, status = 'Finished', due_at = null where campaign_id = ?"
        " and account_id = ? and status in ('Pending', 'InSequence', 'Paused')",
        campaign_id,
        account_id,
    )
    return (
        call.store.run(
            "delete from campaign_accounts where campaign_id = ? and account_id = ?", campaign_id, account_id
        )
        > 0
    )
