"""Adding and removing single senders, and reading the sequence of a campaign."""

import json

from starlette.responses import Response

from providers.simulators.heyreach.campaigns.edit import ACCOUNTS, CAMPAIGN_ID, fault_of_account, link, unlink
from providers.simulators.heyreach.requests import Call, Routes, answer, empty
from providers.simulators.heyreach.validation import Fields
from providers.simulators.kit.store import Object

routes = Routes()

_CHANGE: Fields = {**CAMPAIGN_ID, **ACCOUNTS}


@routes.on("POST", "/campaign/AddLinkedInAccountsToCampaign", body=_CHANGE, quirks=("accounts_refused",), beta=True)
def add_accounts(call: Call) -> Response:
    """Add senders one by one; a 200 says nothing of any one of them."""
    campaign = call.campaign(call.body["campaignId"])
    results: list[Object] = []
    for account_id in call.body["linkedInAccountIds"]:
        fault = "Unknown error." if "accounts_refused" in call.struck else fault_of_account(call, account_id)
        if not fault:
            link(call, campaign["id"], [account_id])
        results.append(_result(account_id, fault))
    return answer({"results": results})


@routes.on("POST", "/campaign/RemoveLinkedInAccountsFromCampaign", body=_CHANGE, beta=True)
def remove_accounts(call: Call) -> Response:
    """Take senders away one by one; a campaign keeps its last one."""
    campaign = call.campaign(call.body["campaignId"])
    results: list[Object] = []
    for account_id in call.body["linkedInAccountIds"]:
        left = call.store.value("select count(*) from campaign_accounts where campaign_id = ?", campaign["id"])
        fault = "A campaign needs at least one LinkedIn account." if left < 2 else None
        if not fault and not unlink(call, campaign["id"], account_id):
            fault = "The LinkedIn account is not in the campaign."
        results.append(_result(account_id, fault))
    return answer({"results": results})


def _result(account_id: int, fault: str | None) -> Object:
    return {"linkedInAccountId": account_id, "success": fault is None, "errorMessage": fault}


@routes.on("GET", "/campaign/GetCampaignSequence", query=CAMPAIGN_ID, beta=True)
def read_sequence(call: Call) -> Response:
    """Read the tree as it is kept, which is not as it was sent; without one the answer is empty."""
    campaign = call.campaign(call.query["campaignId"])
    return empty() if campaign["sequence"] is None else answer(json.loads(campaign["sequence"]))
