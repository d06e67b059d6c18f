"""People's replies become conversations, and answers go out once, before whatever else waits."""

import time
from typing import Any

import httpx

from tests.api.answers import problem
from tests.engine import Company, Engine, add_leads, addresses, draft, start, wait_for
from tests.jobs.provider_state import external_ids, faults, play, provider, stats


def talk(engine: Engine, company: Company) -> tuple[str, str, str]:
    """Let a lead reply to a campaign; return campaign, address and conversation."""
    (email,) = addresses(1)
    campaign = draft(company)
    add_leads(company, campaign, [email])
    start(company, campaign)
    play(engine, campaign, email, "reply")
    return (
        campaign,
        email,
        str(wait_for("a conversation", lambda: conversations(company, campaign_id=campaign))[0]["id"]),
    )


def conversations(company: Company, **params: Any) -> list[dict[str, Any]]:
    return company.api.get("/v1/conversations", params=params).raise_for_status().json()["data"]


def messages(company: Company, conversation: str) -> list[dict[str, Any]]:
    """Return a conversation's messages, the oldest first."""
    path = f"/v1/conversations/{conversation}/messages"
    return company.api.get(path, params={"limit": 200}).raise_for_status().json()["data"][::-1]


def said(engine: Engine, campaign: str, email: str) -> list[dict[str, Any]]:
    """Return the thread as it stands at the provider."""
    (number,) = external_ids(engine, campaign)
    lead = provider_lead(engine, email)
    answer = provider(engine, "GET", f"/campaigns/{number}/leads/{lead}/message-history")
    return answer.json()["history"]


def provider_lead(engine: Engine, email: str) -> str:
    url, key = engine.dev["simulators"]["smartlead"]["url"], engine.api_key
    row = httpx.get(f"{url}/api/v1/leads/", params={"api_key": key, "email": email}).raise_for_status().json()
    return str(row["id"])


def answer(company: Company, conversation: str, text: str) -> dict[str, Any]:
    path = f"/v1/conversations/{conversation}/reply"
    answer = company.api.post(path, json={"text": text})
    assert answer.status_code == 202, answer.text
    return answer.json()


def state_of(company: Company, conversation: str, message: str) -> str:
    return next(row["state"] for row in messages(company, conversation) if row["id"] == message)


def wait_state(company: Company, conversation: str, message: str, state: str, seconds: float = 20) -> None:
    wait_for(f"the answer {state}", lambda: state_of(company, conversation, message) == state, seconds)


def test_a_reply_opens_a_conversation_with_the_whole_thread(engine: Engine, company: Company, quiet: None) -> None:
    campaign, email, conversation = talk(engine, company)
    thread = wait_for(
        "the thread", lambda: len(messages(company, conversation)) >= 2 and messages(company, conversation)
    )
    assert [row["direction"] for row in thread] == ["outgoing", "incoming"]
    assert [row["state"] for row in thread] == ["sent", "received"]
    assert thread[0]["subject"].startswith("Hello")
    assert "smartlead" not in str(thread).lower()
    (row,) = conversations(company, campaign_id=campaign, read=False)
    path = f"/v1/conversations/{conversation}"
    assert company.api.patch(path, json={"read": True}).raise_for_status().json()["read"] is True
    assert conversations(company, campaign_id=campaign, read=False) == []
    play(engine, campaign, email, "reply")
    wait_for("unread again", lambda: conversations(company, campaign_id=campaign, read=False), 20)
    wait_for("both replies", lambda: len(messages(company, conversation)) == 3)
    assert row["lead_id"] == company.api.get(path).json()["lead_id"]


def test_an_answer_goes_out_once_as_it_was_written(engine: Engine, company: Company, quiet: None) -> None:
    campaign, email, conversation = talk(engine, company)
    text = "Gladly!\n\nIs <Tuesday> fine & good?"
    made = answer(company, conversation, text)
    assert (made["state"], made["direction"], made["text"]) == ("queued", "outgoing", text)
    wait_state(company, conversation, made["id"], "sent")
    mails = [row for row in said(engine, campaign, email) if "Gladly" in row["email_body"]]
    assert [row["email_body"] for row in mails] == ["<p>Gladly!<br><br>Is &lt;Tuesday&gt; fine &amp; good?</p>"]
    # As if a minute had passed: the thread is read again, and knows the answer for ours.
    engine.time_passes("update outbound.conversations set read_at_provider = now() where id = %s", conversation)
    play(engine, campaign, email, "reply")
    wait_for(
        "the second reply", lambda: [row["direction"] for row in messages(company, conversation)].count("incoming") == 2
    )
    assert [row["id"] for row in messages(company, conversation) if row["text"].startswith("Gladly")] == [made["id"]]


def test_a_lost_answer_is_looked_for_and_never_sent_again(engine: Engine, company: Company, quiet: None) -> None:
    campaign, email, conversation = talk(engine, company)
    with faults(engine, lost_response={"rate": 1, "paths": ["reply-email-thread"]}):
        made = answer(company, conversation, "Is it lost?")
        wait_state(company, conversation, made["id"], "uncertain")
    wait_state(company, conversation, made["id"], "sent", 40)
    assert len([row for row in said(engine, campaign, email) if "Is it lost?" in row["email_body"]]) == 1


def test_an_answer_that_never_arrived_stays_uncertain(engine: Engine, company: Company, quiet: None) -> None:
    """The provider may have queued it: that it is not to be seen proves nothing, and it is not sent again."""
    campaign, email, conversation = talk(engine, company)
    with faults(engine, server_error={"rate": 1, "paths": ["reply-email-thread"]}):
        made = answer(company, conversation, "Did it arrive?")
        wait_state(company, conversation, made["id"], "uncertain")
        time.sleep(8)  # longer than until it is looked for
    assert state_of(company, conversation, made["id"]) == "uncertain"
    assert [row for row in said(engine, campaign, email) if "Did it arrive?" in row["email_body"]] == []

    def given_up() -> bool:
        """Age it again each time: a look that was under way writes when the next one is due."""
        engine.time_passes(
            "update outbound.messages set attempted_at = now() - interval '2 days', ask_at = now() "
            "where id = %s and state = 'uncertain'",
            made["id"],
        )
        return state_of(company, conversation, made["id"]) == "failed"

    wait_for("that it is given up", given_up)
    reasons = {row["id"]: row["reason"] for row in messages(company, conversation)}
    assert reasons[made["id"]] == "unconfirmed"


def test_a_provider_that_is_busy_gets_the_answer_later(engine: Engine, company: Company, quiet: None) -> None:
    campaign, email, conversation = talk(engine, company)
    with faults(engine, rate_limited={"rate": 1, "times": 2, "seconds": 1, "paths": ["reply-email-thread"]}):
        made = answer(company, conversation, "Later, then.")
        wait_state(company, conversation, made["id"], "sent", 30)
    assert len([row for row in said(engine, campaign, email) if "Later, then." in row["email_body"]]) == 1


def test_an_answer_goes_before_people_who_wait(engine: Engine, company: Company, quiet: None) -> None:
    _, _, conversation = talk(engine, company)
    large = draft(company, name="Large")
    add_leads(company, large, addresses(3000))
    with faults(engine, slow={"rate": 1, "seconds": 0.4, "paths": ["/leads"], "methods": ["POST"]}):
        company.api.post(f"/v1/campaigns/{large}/start").raise_for_status()
        wait_for("people on their way", lambda: stats(company, large)["leads"]["pushed"] >= 200, 30)
        made = answer(company, conversation, "You first.")
        wait_state(company, conversation, made["id"], "sent", 15)
        assert stats(company, large)["leads"]["pending"] > 0, "it waited for everybody else"


def test_an_answer_is_not_taken_for_another_with_the_same_words(engine: Engine, company: Company, quiet: None) -> None:
    campaign, email, conversation = talk(engine, company)
    (number,) = external_ids(engine, campaign)
    received = next(row for row in said(engine, campaign, email) if row["type"] == "REPLY")
    by_hand = {"email_stats_id": received["stats_id"], "email_body": "<p>Thanks for writing, says a colleague</p>"}
    provider(engine, "POST", f"/campaigns/{number}/reply-email-thread", by_hand)
    play(engine, campaign, email, "reply")
    wait_for("the colleague's answer", lambda: "colleague" in str(messages(company, conversation)), 20)
    for _ in range(2):
        made = answer(company, conversation, "Thanks")
        wait_state(company, conversation, made["id"], "sent")
    engine.time_passes("update outbound.conversations set read_at_provider = now() where id = %s", conversation)
    play(engine, campaign, email, "reply")
    wait_for("the last reply", lambda: str(messages(company, conversation)).count("'incoming'") == 3, 20)
    outgoing = [row["text"] for row in messages(company, conversation) if row["direction"] == "outgoing"]
    assert sorted(body for body in outgoing if "Thanks" in body) == [
        "Thanks", "Thanks", "Thanks for writing, says a colleague",
    ]  # fmt: skip


def test_no_suppressed_person_is_answered(engine: Engine, company: Company, quiet: None) -> None:
    campaign, email, conversation = talk(engine, company)
    lead = conversations(company, campaign_id=campaign)[0]["lead_id"]
    assert company.api.post(f"/v1/leads/{lead}/unsubscribe").status_code == 200
    problem(company.api.post(f"/v1/conversations/{conversation}/reply", json={"text": "Please?"}), 409, "suppressed")
    listed = {row["value"] for row in company.api.get("/v1/suppressions").json()["data"]}
    assert email in listed
    events = company.api.get("/v1/events", params={"type": "lead.unsubscribed", "lead_id": lead}).json()["data"]
    assert len(events) == 1
    assert company.api.post(f"/v1/leads/{lead}/unsubscribe").status_code == 200
    events = company.api.get("/v1/events", params={"type": "lead.unsubscribed", "lead_id": lead}).json()["data"]
    assert len(events) == 1, "a second time changes nothing"


def test_an_answer_says_something(engine: Engine, company: Company) -> None:
    (email,) = addresses(1)
    campaign = draft(company)
    lead = add_leads(company, campaign, [email])["results"][0]["lead_id"]
    conversation = engine.new_conversation(company.id, campaign, lead)
    path = f"/v1/conversations/{conversation}/reply"
    for body in (
        {},
        {"text": ""},
        {"text": " \n "},
        {"text": "x" * 8001},
        {"text": "a\u0000b"},
        {"text": 7},
        {"text": "x", "html": "y"},
    ):
        assert company.api.post(path, json=body).status_code == 422, body
