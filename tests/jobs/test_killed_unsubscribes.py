"""Unsubscribes of a large campaign, by the API, by webhooks and as lists, while Postgres, the API and the worker are
killed: each that was answered is kept, and its person is written to no more."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from api.ops.stats_cli import recount_all
from tests.database.tenants import untriggered
from tests.database.test_growing import EVENTS, LARGE
from tests.engine import Company, Engine, Organization, add_leads, draft, start, wait_for
from tests.jobs.provider_state import at_provider, external_ids

PEOPLE = 3_000
BY_API, BY_WEBHOOK, LISTED = 160, 80, 60
LIST = 20  # people in each
KILLED = ("postgres", "api", "worker")
LATER = "1000 + row_number()"  # the numbers of the events that are there already are lower
LEFT = """
    select
      (select count(*) from outbound.suppressions where company_id = %(company)s and marked_at is null)
      + (select count(*) from outbound.inbound_webhooks where company_id = %(company)s and state = 'received')
      + (
        select count(*) from outbound.campaign_leads
        where company_id = %(company)s and (push_state in ('pending', 'sending', 'uncertain') or stop_state = 'due')
      )
      + (select count(*) from jobs.procrastinate_jobs where args ->> 'org_id' = %(org)s) as amount
"""


@dataclass
class Answers:
    """When each person's unsubscribe was answered. What is not answered is sent again, as senders do."""

    company: Company
    hook: str
    theirs: int  # the campaign's id at the provider
    ids: dict[str, str]
    at: dict[str, float] = field(default_factory=dict)

    def by_api(self, emails: list[str]) -> None:
        """Unsubscribe one after the other."""
        for email in emails:
            path = f"/v1/leads/{self.ids[email]}/unsubscribe"
            self.send([email], lambda path=path: self.company.api.post(path))

    def by_webhook(self, emails: list[str]) -> None:
        """Have the provider say so."""
        with httpx.Client(timeout=60) as client:
            for email in emails:
                body = {"event_type": "LEAD_UNSUBSCRIBED", "campaign_id": self.theirs, "to_email": email}
                self.send([email], lambda body=body: client.post(self.hook, content=json.dumps(body)))

    def by_list(self, emails: list[str]) -> None:
        """Put many on the company's list at once."""
        for first in range(0, len(emails), LIST):
            some = emails[first : first + LIST]
            body = {"suppressions": [{"email": email} for email in some]}
            self.send(some, lambda body=body: self.company.api.post("/v1/suppressions", json=body))

    def send(self, emails: Iterable[str], request: Callable[[], httpx.Response]) -> None:
        """Send until it is taken."""

        def taken() -> bool:
            with suppress(httpx.TransportError):
                answer = request()
                assert answer.is_success or answer.is_server_error, answer.text
                return answer.is_success
            return False

        wait_for("an answer", taken)
        self.at |= dict.fromkeys(emails, time.time())


def load(engine: Engine, company: Company, campaign: str) -> dict[str, str]:
    """Add people to a campaign, about half of them handed over already; return their ids."""
    with engine.sql() as sql:
        ask = (
            "select org_id as org, company_id as company, id as connection from outbound.connections"
            " where company_id = %s"
        )
        ids = {**(sql.execute(ask, [company.id]).fetchone() or {}), "campaign": campaign, "people": PEOPLE}
        with untriggered(sql):  # pyright: ignore[reportArgumentType]
            sql.execute(LARGE, ids)  # pyright: ignore[reportArgumentType]
            sql.execute(EVENTS.replace("1 + row_number()", LATER), ids)  # pyright: ignore[reportArgumentType]
            sql.execute(
                "update outbound.event_counters set last_sequence = 1000000 where company_id = %s", [ids["company"]]
            )
        people = sql.execute("select id, email from outbound.leads where company_id = %s", [company.id]).fetchall()
    return {row["email"]: str(row["id"]) for row in people}


def wrong_figures(engine: Engine, org_id: str, *, mend: bool = False) -> list[str]:
    """Return what a recount says of an organization."""
    said: list[str] = []
    asyncio.run(recount_all(engine.folder.settings(), mend=mend, say=said.append))
    return [line for line in said if org_id in line]


def unsubscribe(engine: Engine, answers: Answers, names: list[str]) -> None:
    """Unsubscribe people over several connections while one process after the other is killed."""
    parts = [
        (answers.by_api, names[: BY_API // 2]), (answers.by_api, names[BY_API // 2 : BY_API]),
        (answers.by_webhook, names[BY_API : BY_API + BY_WEBHOOK]), (answers.by_list, names[BY_API + BY_WEBHOOK :]),
    ]  # fmt: skip
    senders = [threading.Thread(target=send, args=(emails,)) for send, emails in parts]
    for sender in senders:
        sender.start()
    for number, name in enumerate(KILLED, 1):
        wait_for("answers", lambda number=number: len(answers.at) >= number * len(names) // (len(KILLED) + 2))
        engine.kill(name)
    for sender in senders:
        sender.join()
    assert answers.at.keys() == set(names)


def test_what_was_answered_is_kept(engine: Engine, organization: Organization, company: Company, quiet: None) -> None:
    campaign = draft(company)
    add_leads(company, campaign, ["first@large.example"])
    start(company, campaign)
    (theirs,) = external_ids(engine, campaign)
    hook = at_provider(engine, campaign)["webhooks"][0]["webhook_url"]
    answers = Answers(company, hook, theirs, load(engine, company, campaign))
    wrong_figures(engine, organization.id, mend=True)
    names = [f"p{number}@large.example" for number in range(1, PEOPLE, PEOPLE // (BY_API + BY_WEBHOOK + LISTED))]
    unsubscribe(engine, answers, names)

    params: dict[str, Any] = {"company": company.id, "org": organization.id}
    with engine.sql() as sql:
        wait_for("the end of all work", lambda: (sql.execute(LEFT, params).fetchone() or {})["amount"] == 0)
        listed = sql.execute("select value_key from outbound.suppressions where company_id = %(company)s", params)
        assert {row["value_key"] for row in listed.fetchall()} == set(names)
        people = sql.execute(
            "select l.email_key, e.status, e.push_state, e.stop_state,"
            " extract(epoch from e.push_attempted_at)::float8 as handed"
            " from outbound.campaign_leads as e inner join outbound.leads as l on l.id = e.lead_id"
            " where e.company_id = %s and l.email_key = any(%s)",
            [company.id, names],
        ).fetchall()
    assert {row["status"] for row in people} <= {"stopped", "unsubscribed"}
    assert {row["push_state"] for row in people} == {"suppressed", "pushed"}
    assert {row["stop_state"] for row in people if row["push_state"] == "pushed"} == {"done"}
    assert [
        row for row in people if row["push_state"] == "pushed" and row["handed"] > answers.at[row["email_key"]]
    ] == []
    ledger = engine.control.get("/ledger").raise_for_status().json()
    added = Counter(line["email"] for line in ledger if line["effect"] == "added" and line["email"] in answers.ids)
    assert not {row["email_key"] for row in people if row["push_state"] == "suppressed"} & added.keys()
    assert {*added.values()} == {1}
    assert wrong_figures(engine, organization.id) == []
    with engine.sql("worker") as sql:
        assert sql.execute("select * from ctx.due_work(array[%s::uuid])", [organization.id]).fetchall() == []
