"""The people of a campaign as the provider lists them, a while after they were added, and stopping one."""

from starlette.responses import Response

from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.leads import profiles
from providers.simulators.heyreach.requests import Call, Routes, answer, empty, refusal
from providers.simulators.heyreach.requests import page as paged
from providers.simulators.heyreach.senders import seats
from providers.simulators.heyreach.validation import Required, choice, moment, page, text, whole
from providers.simulators.kit.store import Object, Row

routes = Routes()

_TIMES = {
    "Everywhere": None,
    "CreationTime": "l.created_at",
    "LastActionTakenTime": "l.last_action_at",
    "FailedTime": "l.failed_at",
    "LastActionTakenOrFailedTime": "max(coalesce(l.last_action_at, ''), coalesce(l.failed_at, ''))",
}


@routes.on(
    "POST",
    "/campaign/GetLeadsFromCampaign",
    body={
        "campaignId": Required(whole()),
        **page(usual=100),
        "timeFrom": moment,
        "timeTo": moment,
        "timeFilter": choice("Campaigns.PublicTimeFilter", *_TIMES),
    },
)
def list_leads(call: Call) -> Response:
    """List a campaign's leads, oldest first."""
    body = call.body
    campaign = call.campaign(body["campaignId"])
    conditions, values = _conditions(call, campaign["id"])
    total = call.store.value(f"select count(*) from campaign_leads l where {conditions}", *values)  # noqa: S608
    rows = call.store.all(
        f"select * from campaign_leads l where {conditions} order by l.id limit ? offset ?",  # noqa: S608
        *values,
        body["limit"],
        body["offset"],
    )
    return answer({"totalCount": total, "items": [_shown(call, row) for row in rows]})


def _conditions(call: Call, campaign_id: int) -> tuple[str, list[object]]:
    body = call.body
    conditions = ["l.campaign_id = ?", "l.created_at <= ?"]
    values: list[object] = [campaign_id, times.later(call.now, -float(call.options["lag_s"]))]
    if call.options["hide_pending"]:
        conditions.append("l.status <> 'Pending'")
    column = _TIMES[body["timeFilter"] or "Everywhere"]
    for bound, operator in (("timeFrom", ">="), ("timeTo", "<=")):
        if column and body[bound]:
            conditions.append(f"{column} {operator} ?")
            values.append(body[bound])
    return " and ".join(conditions), values


def _shown(call: Call, row: Row) -> Object:
    person = call.store.one("select * from profiles where id = ?", row["profile_id"])
    seat = call.seat(row["account_id"])
    if person is None or seat is None:
        raise LookupError(row["id"])
    none = None if call.options["null_statuses"] else "None"
    return {
        "id": row["id"],
        "linkedInUserProfileId": profiles.member_urn(person["url"]),
        "linkedInUserProfile": profiles.basic(person),
        "lastActionTime": times.shown(row["last_action_at"]),
        "failedTime": times.shown(row["failed_at"]),
        "creationTime": times.shown(row["created_at"]),
        "leadCampaignStatus": row["status"],
        "leadConnectionStatus": none if row["connection"] == "None" else row["connection"],
        "leadMessageStatus": none if row["message"] == "None" else row["message"],
        "errorCode": row["error_code"],
        "leadCampaignStatusMessage": row["status_message"],
        "linkedInSenderId": seat["id"],
        "linkedInSenderFullName": seats.full_name(seat),
    }


@routes.on(
    "POST",
    "/campaign/GetCampaignsForLead",
    body={**page(usual=100), **dict.fromkeys(("email", "linkedinId", "profileUrl"), text())},
)
def campaigns_of_lead(call: Call) -> Response:
    """List the campaigns a person is in; an unknown person is in none."""
    body = call.body
    if not (body["email"] or body["linkedinId"] or body["profileUrl"]):
        raise refusal("At least one of email, linkedinId or profileUrl must be provided.")
    person = profiles.find(
        call.store, call.workspace.id, url=body["profileUrl"], member=body["linkedinId"], email=body["email"]
    )
    rows = call.store.all(
        "select c.id, c.name, c.status, l.status as lead_status, l.created_at from campaign_leads l"
        " join campaigns c on c.id = l.campaign_id where l.profile_id = ? and l.created_at <= ? order by l.id",
        person["id"] if person else None,
        times.later(call.now, -float(call.options["lag_s"])),
    )
    items = [
        {
            "campaignId": row["id"],
            "campaignName": row["name"],
            "campaignStatus": row["status"],
            "leadStatus": row["lead_status"],
            "creationTime": times.shown(row["created_at"]),
        }
        for row in rows
    ]
    return paged(call, items, {"leadFullName": profiles.full_name(person) if person else None})


@routes.on(
    "POST",
    "/campaign/StopLeadInCampaign",
    body={"campaignId": Required(whole()), "leadMemberId": text(), "leadUrl": text()},
    quirks=("stop_ignored",),
)
def stop(call: Call) -> Response:
    """Stop one lead; where both identifiers are given they must agree, and an unknown person is no error."""
    body = call.body
    campaign = call.campaign(body["campaignId"])
    url = profiles.normalised(body["leadUrl"]) or body["leadUrl"]
    if "stop_ignored" not in call.struck and (url or body["leadMemberId"]):
        call.store.run(
            "update campaign_leads set stopped = 1, status = 'Finished', due_at = null, last_action_at = ?1"
            " where campaign_id = ?2 and status in ('Pending', 'InSequence', 'Paused') and profile_id in"
            " (select id from profiles where workspace_id = ?3"
            " and (?4 is null or url = ?4) and (?5 is null or linkedin_id = ?5))",
            call.now,
            campaign["id"],
            call.workspace.id,
            url or None,
            body["leadMemberId"] or None,
        )
    return empty()
