"""Whatever the client sends is in the provider's own document, and so is what the simulator answers.

The document is unfaithful in many places. Where live answers or recorded ones are known to be otherwise, the deviation
is listed here with what is known better; nothing else may deviate, and nothing may be listed that does not.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from providers.errors import Refused
from providers.models import LeadToAdd, Schedule, Settings, Step
from providers.smartlead import SMARTLEAD
from tests.providers.recording import VERBS, Noting, exchanges
from tests.providers.smartlead.schema_fixture import UNKNOWN, document, template, wrong_answer, wrong_request
from tests.providers.smartlead.simulator_fixture import KEY, Simulator, running, sim
from tests.support.clients import connected

__all__ = ["running", "sim"]
URL = "http://127.0.0.1:9/hooks/path-token"
SCHEDULE = Schedule("Europe/Lisbon", [1, 3, 7], time(8, 30), time(16, 45), 12, 55)
STEPS = [
    Step(1, 0, "Hi {{obx_l_first_name}}", "<p>{{obx_h_c_city}} {{obx_h_company_name}}</p>"),
    Step(2, 3, "", "Again, <b>{{obx_h_first_name}}</b>"),
]
Deviation = tuple[str, str, str]

CAMPAIGN = "/campaigns/{campaign_id}"
LEAD = f"{CAMPAIGN}/leads/{{lead_id}}"
MAILBOX = (
    "answer[] has besides: bcc_email, campaign_count, client_id, created_at, custom_tracking_domain, daily_sent_count, "
    "different_reply_to_address, imap_failure_error, imap_password, imap_port_type, imap_username, "
    "is_different_imap_account, is_imap_success, is_smtp_success, message_per_day, minTimeToWaitInMins, password, "
    "signature, smtp_failure_error, smtp_port_type, tags, type, updated_at, user_id, username, warmup_details"
)
COUNTERS = (
    "answer has besides: block_count, bounce_count, campaign_lead_stats, click_count, client_company_name, "
    "client_email, client_id, client_name, created_at, drafted_count, id, name, open_count, parent_campaign_id, "
    "reply_count, send_as_plain_text, sent_count, sequence_count, status, tags, team_member_id, total_count, "
    "unique_click_count, unique_open_count, unique_sent_count, unsubscribed_count, user_id"
)
ADDED = (
    "answer has besides: already_added_to_campaign, block_count, bounce_count, emailToLeadIdMap, invalid_email_count, "
    "invalid_emails, is_lead_limit_exhausted, lead_import_stopped_count, total_leads, unsubscribed_leads, upload_count"
)

# What the document does not know or has otherwise: (method, path, what) and what is known better.
DEVIATIONS: dict[Deviation, str] = {
    (
        "POST",
        "/campaigns/{campaign_id}/settings",
        "body has besides: add_unsubscribe_tag, auto_pause_domain_leads_on_reply",
    ): "the reference and several clients have both",
    (
        "POST",
        "/campaigns/{campaign_id}/settings",
        "body.track_settings[] has a value that is not listed: itself",
    ): "written as DONT_TRACK_…, it is read back as the document lists it",
    ("GET", "/campaigns/{id}/webhooks", UNKNOWN): "seen live: a campaign has a list of its own",
    ("POST", "/campaigns/{id}/webhooks", UNKNOWN): "seen live: this makes and changes a campaign's own",
    ("DELETE", "/campaigns/{id}/webhooks", UNKNOWN): "seen live: the body says which one goes",
    ("GET", "/campaigns/{id}/leads/{id}/message-history", UNKNOWN): "seen live, and in the older reference",
    ("GET", "/campaigns/", "answer[] has besides: parent_campaign_id, schedule_start_time, unsubscribe_text"): (
        "seen live, and two of them recorded"
    ),
    ("GET", "/campaigns/", "answer[] has null for object: scheduler_cron_value"): (
        "recorded: null before there is a schedule"
    ),
    ("GET", CAMPAIGN, "answer has besides: parent_campaign_id, schedule_start_time, unsubscribe_text"): (
        "seen live: the same object as in the list"
    ),
    ("GET", CAMPAIGN, "answer has null for object: scheduler_cron_value"): "seen live: the same object as in the list",
    ("GET", CAMPAIGN, "the answer is empty"): "seen live: an empty 200 where there is none, and no 404",
    (
        "GET",
        "/email-accounts/",
        "query has besides: limit, offset",
    ): "seen live: the list comes in pages of 100 at most",
    ("GET", "/email-accounts/", MAILBOX): "seen live and in the older reference; two names of the document never were",
    ("GET", f"{CAMPAIGN}/email-accounts", MAILBOX): "seen live: a campaign's mailboxes are the same objects",
    ("POST", f"{CAMPAIGN}/email-accounts", "answer has besides: result"): "the older reference has what was attached",
    ("DELETE", f"{CAMPAIGN}/email-accounts", "answer has besides: result"): "seen live: how many were detached",
    ("POST", f"{CAMPAIGN}/settings", "body has besides: name"): "the newer reference and other clients rename so",
    ("POST", f"{CAMPAIGN}/schedule", "body lacks: days, endHour, startHour"): "recorded refusals ask for other names",
    (
        "POST",
        f"{CAMPAIGN}/schedule",
        "body has besides: days_of_the_week, end_hour, max_new_leads_per_day, start_hour",
    ): "recorded refusals ask for each of these",
    ("GET", f"{CAMPAIGN}/sequences", "answer[].seq_delay_details has besides: delayInDays"): (
        "seen live: the wait is spelt otherwise when it is read"
    ),
    (
        "GET",
        f"{CAMPAIGN}/sequences",
        "answer[] has besides: created_at, email_campaign_id, sequence_variants, updated_at",
    ): "seen live and in the older reference",
    ("POST", f"{CAMPAIGN}/sequences", "body.sequences[] has besides: id"): (
        "seen live: a step without its id is a new one, and its figures are lost"
    ),
    ("POST", f"{CAMPAIGN}/sequences", "answer has besides: data"): "seen live: the ids of the steps",
    (
        "POST",
        f"{CAMPAIGN}/leads",
        "body.settings has besides: ignore_duplicate_leads_in_other_campaign, ignore_unsubscribe_list, return_lead_ids",
    ): "other clients send these live; the document misnames the second",
    ("POST", f"{CAMPAIGN}/leads", ADDED): "recorded answers count in these words; the id map is asked for",
    ("GET", f"{CAMPAIGN}/leads", "query has besides: created_at_gt"): "both references filter by when one was added",
    ("GET", f"{CAMPAIGN}/leads", "query has besides: emailStatus"): "both references spell this filter so",
    ("GET", f"{CAMPAIGN}/leads", "answer has besides: data, total_leads"): "recorded: rows and total have these names",
    ("POST", "/leads/add-domain-block-list", UNKNOWN): "the older reference and several clients have it",
    ("GET", "/leads/get-domain-block-list", UNKNOWN): "the older reference and several clients have it",
    ("DELETE", "/leads/delete-domain-block-list", UNKNOWN): "the older reference and several clients have it",
    ("POST", f"{LEAD}/pause", "there is no body"): "seen live with an empty object",
    ("POST", f"{LEAD}/resume", "there is no body"): "seen live with an object, which may hold a delay",
    ("POST", f"{LEAD}/unsubscribe", "there is no body"): "seen live with an empty object",
    ("GET", f"{CAMPAIGN}/statistics", "query has besides: sent_time_start_date"): "the newer reference has this filter",
    ("GET", f"{CAMPAIGN}/statistics", "query has besides: email_status"): "seen live, and in the newer reference",
    ("GET", f"{CAMPAIGN}/statistics", "answer has besides: data, limit, offset, total_stats"): (
        "seen live: a page with a row for each mail, no sums"
    ),
    ("GET", f"{CAMPAIGN}/analytics", COUNTERS): "seen live: flat, with counters as text",
    ("POST", f"{CAMPAIGN}/reply-email-thread", "body lacks: lead_id, message"): (
        "both references name the mail that is answered, not the person"
    ),
    (
        "POST",
        f"{CAMPAIGN}/reply-email-thread",
        "body has besides: email_body, email_stats_id, reply_email_body, reply_email_time, reply_message_id",
    ): "both references ask for the mail that is answered in these words",
    ("POST", "/master-inbox/inbox-replies", "query has besides: fetch_message_history"): "both references have it",
    ("POST", "/master-inbox/inbox-replies", "body.filters has besides: replyTimeBetween"): "both references have it",
    ("POST", "/master-inbox/inbox-replies", "answer has besides: data, limit, offset, ok"): (
        "seen live: the rows are under this name, in pages without a total"
    ),
    ("GET", "/leads/", "answer has str for integer: id"): "seen live: as text here, as a number in lists",
    ("GET", "/leads/", "answer has null for string: phone_number, website"): "seen live: null where nothing is known",
    (
        "GET",
        "/leads/",
        "answer has besides: company_url, is_unsubscribed, lead_campaign_data, linkedin_profile, location, "
        "unsubscribed_client_id_map",
    ): "seen live and in the older reference",
    ("GET", "/leads/fetch-categories", "answer[] has besides: created_at, sentiment_type"): (
        "seen live; the colour of the document is not there"
    ),
}


class Gate:
    """Lets everything through."""

    async def __call__(self, spacing: float = 0.0) -> None:
        """Wait for nothing."""


async def prepare(client: Any) -> str:
    """Make a campaign that may be started, with every request that there is on the way."""
    await client.account.verify()
    senders = [sender.external_id for sender in await client.account.list_senders()]
    marker = f"obx-{uuid4().hex}"
    campaign = await client.campaigns.create("All", marker, [])
    assert await client.campaigns.find(marker) == campaign
    assert not await client.campaigns.has_begun(campaign)
    with pytest.raises(Refused):
        await client.campaigns.has_begun("999999999")
    await client.campaigns.put_name(campaign, "All of it", marker)
    await client.campaigns.put_sequence(campaign, STEPS)
    await client.campaigns.put_sequence(campaign, STEPS)
    await client.campaigns.put_settings(campaign, Settings(track_opens=True))
    await client.campaigns.put_schedule(campaign, SCHEDULE)
    await client.campaigns.put_senders(campaign, senders)
    await client.campaigns.put_senders(campaign, senders[:1])
    for url in (URL, URL, f"{URL}-other"):
        await client.webhooks.put(campaign, url)
    await client.webhooks.check(campaign, URL)
    await client.webhooks.delete(campaign, URL)
    return campaign


async def everything(client: Any, sim: Simulator) -> None:
    """Use each verb, so that each request there is goes out."""
    since = datetime.now(UTC) - timedelta(minutes=5)
    campaign = await prepare(client)
    mark = uuid4().hex[:8]
    emails = [f"p{number}.{mark}@client.example" for number in range(4)]
    full = LeadToAdd(uuid4(), emails[0], "Zoë", "Ng", "Acme", {"obx_h_c_city": "Lisbon"})
    await client.leads.add(campaign, [full, *(LeadToAdd(uuid4(), email) for email in emails[1:]), full])
    found = await client.leads.find_all(campaign, emails, since)
    assert set(found) == set(emails)
    await client.campaigns.set_active(campaign, True)
    await client.campaigns.set_active(campaign, False)
    assert await client.leads.find(campaign, emails[0]) == found[emails[0]]
    await client.leads.find(campaign, f"nobody.{mark}@client.example")
    await client.leads.pause(campaign, found[emails[3]])
    await client.leads.resume(campaign, found[emails[3]])
    await client.leads.stop(campaign, found[emails[3]], for_good=False)
    await client.leads.stop(campaign, found[emails[3]], for_good=True)
    for email, event in zip(emails, ("open", "bounce", "click"), strict=False):
        sim.play(campaign, email, event)
    sim.play(campaign, emails[0], "reply", text="Yes", by=f"colleague.{mark}@client.example")
    await client.inbox.read_figures(campaign)
    assert {event.email for event in await client.inbox.read_facts([campaign], since)} == set(emails)
    for lead in (found[emails[0]], None):
        assert len(await client.inbox.read_thread(campaign, lead, emails[0])) == 2
    await client.inbox.reply(campaign, found[emails[0]], emails[0], "Gladly.\n\nAna")
    await client.block_list.add([emails[0], f"{mark}.example"])
    assert await client.block_list.entries() >= {emails[0], f"{mark}.example"}
    await client.block_list.remove([emails[0], f"{mark}.example"])


@pytest.fixture(scope="module")
def answers(running: Simulator) -> Iterator[list[httpx.Response]]:
    """All answers that the client gets when each verb is used."""

    async def run() -> set[str]:
        async with connected(SMARTLEAD, KEY, f"http://127.0.0.1:{running.port}") as client:
            noting = Noting(client)
            await everything(noting, running)
        return noting.used

    with exchanges() as noted:
        assert asyncio.run(run()) == VERBS
    yield noted


def deviating(answers: list[httpx.Response]) -> set[Deviation]:
    """Return where requests and answers leave the document."""
    found = set[Deviation]()
    for answer in answers:
        request = answer.request
        assert answer.is_success, (request.method, request.url.path, answer.status_code)
        path = template(request).removeprefix("/v1")
        found |= {(request.method, path, what) for what in (*wrong_request(request), *wrong_answer(answer))}
    return found


def test_nothing_leaves_the_document_but_what_is_listed(answers: list[httpx.Response]) -> None:
    found = deviating(answers)
    assert sorted(found - DEVIATIONS.keys()) == []
    assert sorted(DEVIATIONS.keys() - found) == [], "these are listed and do not occur any more"


def test_each_deviation_says_what_is_known_better() -> None:
    assert all(len(reason) > 20 for reason in DEVIATIONS.values())


def test_each_operation_of_the_copy_is_requested(answers: list[httpx.Response]) -> None:
    wanted = {(template(answer.request), answer.request.method.lower()) for answer in answers}
    assert {(path, method) for path, parts in document()["paths"].items() for method in parts} <= wanted


def requested(method: str, path: str, body: Any = None) -> httpx.Request:
    content = {} if body is None else {"json": body}
    url = f"http://x/api/v1{path}{'&' if '?' in path else '?'}api_key=k"
    return httpx.Request(method, url, **content)


@pytest.mark.parametrize(
    ("method", "path", "body", "fault"),
    [
        ("GET", "/butterflies", None, UNKNOWN),
        ("PATCH", "/campaigns/7/status", {"status": "START"}, UNKNOWN),
        ("GET", "/campaigns/create", None, UNKNOWN),
        ("GET", "/campaigns/?limit=5", None, "query has besides: limit"),
        ("GET", "/campaigns/seven", None, "path has str for integer: campaign_id"),
        ("GET", "/campaigns/7/leads?limit=1001", None, "query breaks maximum: limit"),
        ("GET", "/leads/", None, "query lacks: email"),
        ("GET", "/leads/?email=nobody", None, "query has another form: email"),
        ("POST", "/campaigns/7/status", None, "the body is missing"),
        ("POST", "/campaigns/7/status", {"status": "ACTIVE"}, "body has a value that is not listed: status"),
        ("POST", "/campaigns/7/status", {"state": "START"}, "body has besides: state"),
        ("POST", "/campaigns/7/status", {"state": "START"}, "body lacks: status"),
        ("POST", "/campaigns/7/sequences", [], "body has list for object: itself"),
        ("POST", "/campaigns/7/leads", {"lead_list": [{"email": 5}]}, "body.lead_list[] has number for string: email"),
        ("POST", "/campaigns/7/leads", {"lead_list": [{"email": "a@b.co"}] * 401}, "body breaks maxItems: lead_list"),
        ("DELETE", "/campaigns/7/email-accounts", {"email_account_ids": ["5"]}, "email_account_ids[] has str for"),
    ],
)
def test_the_check_finds_what_is_wrong_in_a_request(method: str, path: str, body: Any, fault: str) -> None:
    assert fault in "\n".join(wrong_request(requested(method, path, body)))


def test_the_check_takes_what_is_right_and_misses_no_key() -> None:
    assert wrong_request(requested("POST", "/campaigns/create", {"name": "n", "client_id": None})) == []
    assert wrong_request(httpx.Request("GET", "http://x/api/v1/campaigns/7")) == ["query lacks: api_key"]
    form = httpx.Request("POST", "http://x/api/v1/campaigns/create?api_key=k", data={"name": "n"})
    assert wrong_request(form) == ["the body is not JSON"]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (httpx.Response(200, json={"ok": True, "id": 7, "created_at": "2026-07-11T11:33:59.000Z"}), []),
        (httpx.Response(200, json={"id": "7"}), ["answer has str for integer: id"]),
        (httpx.Response(200, json={"created_at": "yesterday"}), ["answer has another form: created_at"]),
        (httpx.Response(200, json={"data": {}, "more": 1}), ["answer has besides: data, more"]),
        (httpx.Response(200, json=[]), ["answer has list for object: itself"]),
        (httpx.Response(200, text="success"), ["the answer is not JSON"]),
        (httpx.Response(200), ["the answer is empty"]),
        (httpx.Response(201, json={}), ["the answer's status 201 is not there"]),
    ],
)
def test_the_check_finds_what_is_wrong_in_an_answer(answer: httpx.Response, found: list[str]) -> None:
    answer.request = requested("POST", "/campaigns/create", {})
    assert wrong_answer(answer) == found
