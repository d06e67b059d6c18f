"""The three providers for one suite: each beside its running simulator, and where to look for what really happened."""

import json
import threading
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from providers.contract import Gate, ProviderClient
from providers.models import Fact, LeadToAdd, Schedule, Settings, Step
from providers.registry import PROVIDERS
from tests.providers.heyreach import simulator_fixture as heyreach
from tests.providers.instantly import simulator_fixture as instantly
from tests.providers.smartlead import simulator_fixture as smartlead
from tests.support import clients
from tests.support.simulator_process import PATIENCE, Running, wait_for

T = TypeVar("T")
Call = Callable[[ProviderClient], Awaitable[T]]
Row = dict[str, Any]
URL = "http://127.0.0.1:9/hooks/"
KEYS = {"smartlead": smartlead.KEY, "instantly": instantly.KEY, "heyreach": heyreach.KEY}
CHANGES = (
    "timestamp_updated",
    "updated_at",
    "timestamp_last_interest_change",
)  # they say that something was written, not what stands
HISTORY = {"fetch_message_history": "true"}
SILENT_STEPS = ("profile_view", "follow")


@dataclass(frozen=True)
class Work:
    """One request to a provider: `do` sends it, `look` shows what it could change, `done` says whether it did.

    `right` is what to do when it is not known whether it was done; where there is none, that is to do it again.
    """

    do: Call[object]
    look: Callable[[], object]
    done: Callable[[], bool] = lambda: True
    right: Call[object] | None = None


class Harness:
    """One provider, seen through the contract on one side and through its simulator's controls on the other."""

    name: str
    kind: type[Running]
    defaults: Row
    events: dict[str, Fact]
    tells_when = True  # whether the simulator's 429 says when to try again
    hook_count = 1  # how many webhooks bring a campaign's events
    tells_later_replies = True  # whether a person's second reply comes by webhook as well
    sequence = "sequence"  # where the controls show the steps

    def __init__(self, state: Path) -> None:
        self.provider, self.key = PROVIDERS[self.name], KEYS[self.name]
        self.features, self.traits, self.limits = self.provider.features, self.provider.traits, self.provider.limits
        self.sim: Any = self.kind(state)
        self.requests = dict[str, int]()  # of each verb
        self.ahead = False  # whether it is later there than here
        self.url = f"http://127.0.0.1:{self.sim.port}"
        self.sim.client.event_hooks = {}  # some check each answer against a document, which others test and takes long
        self.reset()

    def reset(self) -> None:
        """Take all faults and settings back, and the time."""
        self.sim.faults()
        if self.ahead:
            self.sim.clock(at=datetime.now(UTC).isoformat())
            self.ahead = False
        self.sim.set(**self.defaults)

    def advance(self, seconds: float) -> None:
        """Let so much time pass there."""
        self.ahead = True
        self.sim.clock(advance=seconds)

    def ask(
        self,
        call: Call[T],
        *,
        key: str | None = None,
        gate: Gate | None = None,
        timeout: float = PATIENCE,
        url: str | None = None,
    ) -> T:
        """Run one call with a client of its own."""

        key = self.key if key is None else key
        return clients.call(self.provider, key, url or self.url, call, gate=gate, timeout=timeout)

    # What is requested.

    def fresh(self, number: int = 1) -> list[str]:
        """Return addresses that no lead has."""
        mark = uuid4().hex[:8]
        return [f"p{place}.{mark}@client.example" for place in range(number)]

    def people(self, addresses: Sequence[str]) -> list[LeadToAdd]:
        return [LeadToAdd(uuid4(), address, "Ana", "Doe", "Acme", {"obx_h_c_city": "Lisbon"}) for address in addresses]

    def steps(self, word: str) -> list[Step]:
        """Return a sequence of every kind of step there is, whose words can be recognised."""
        kinds = self.features.step_types if len(self.features.step_types) > 1 else self.features.step_types * 2
        kinds = sorted(kinds, key=lambda kind: kind not in SILENT_STEPS)  # no person is followed after a request there
        return [
            Step(place, place - 1, f"{word} subject", "" if kind in SILENT_STEPS else f"{word} {place}.", kind)
            for place, kind in enumerate(kinds, start=1)
        ]

    async def build(self, client: ProviderClient, url: str) -> str:
        """Put a whole campaign there, in the order in which the product does."""
        marker = f"obx-{uuid4().hex}"
        senders = [sender.external_id for sender in await client.account.list_senders()]
        campaign = await client.campaigns.create("Spring", marker, senders)
        await client.campaigns.put_name(campaign, "Spring", marker)
        await client.campaigns.put_sequence(campaign, self.steps("Hello"))
        await client.campaigns.put_settings(campaign, Settings(track_opens=True, track_clicks=True))
        await client.campaigns.put_schedule(campaign, schedule(30))
        await client.campaigns.put_senders(campaign, senders)
        await client.webhooks.put(campaign, url)
        return campaign

    def running(self, *addresses: str, url: str = URL) -> str:
        """Return a campaign that sends, with these people or with a fresh one, built as `Features` says it must be."""
        people = self.people(addresses or self.fresh())
        campaign = self.ask(lambda client: self.build(client, url))
        if self.traits.starts_before_leads:
            self.ask(lambda client: client.campaigns.set_active(campaign, True))
            wait_for(lambda: self.started(campaign))
        self.ask(lambda client: client.leads.add(campaign, people))
        if not self.traits.starts_before_leads:
            self.ask(lambda client: client.campaigns.set_active(campaign, True))
        wait_for(lambda: self.active(campaign))
        return campaign

    @cached_property
    def at_rest(self) -> str:
        """One campaign that was started and paused, for changing its parts."""
        campaign = self.running(*self.fresh())
        self.ask(lambda client: client.campaigns.set_active(campaign, False))
        return campaign

    @cached_property
    def switched(self) -> str:
        """One campaign for starting and pausing."""
        return self.running(*self.fresh())

    @cached_property
    def sending(self) -> str:
        """One campaign that sends, for adding and stopping people."""
        return self.running(*self.fresh())

    @cached_property
    def conversation(self) -> tuple[str, str, str]:
        """One campaign, a person in it who has answered, by id and by address."""
        person, other = self.fresh(2)  # with no person left to write to, a campaign ends by itself, a moment later
        campaign = self.running(person, other)
        self.play(campaign, person, "reply", text="Tell me more")
        lead = self.ask(lambda client: client.leads.find(campaign, person))
        assert lead is not None
        return campaign, lead, person

    def play(self, campaign: str, person: str, event: str, **more: Any) -> Row:
        """Make something happen to a person, and return the body of the webhook."""
        return self.sim.play(int(campaign) if campaign.isdecimal() else campaign, person, event, **more)

    # What stands there.

    def campaign(self, campaign: str) -> Row:
        return self.sim.control.get(f"/campaigns/{campaign}").json()

    def campaigns(self) -> set[str]:
        return {str(row["id"]) for row in self.sim.control.get("/campaigns").json()}

    def leads(self, campaign: str) -> dict[str, Row]:
        rows = self.sim.control.get(f"/campaigns/{campaign}/leads").json()
        return {self.person(row): row for row in rows}

    def person(self, row: Row) -> str:
        return row["email"]

    def added(self, campaign: str, among: Sequence[str] | None = None) -> list[str]:
        """Return who, or who of these, was put into a campaign, once per time."""
        lines = [self.person(line) for line in self.sim.ledger(campaign) if line["effect"] == "added"]
        return sorted(who for who in lines if among is None or who in among)

    def state(self, campaign: str) -> Row:
        """Return all that stands of a campaign, but for when it was last written."""
        parts = [self.campaign(campaign), self.leads(campaign), self.hooks(campaign), self.added(campaign)]
        return dict(zip(("campaign", "leads", "hooks", "added"), map(_without_changes, parts), strict=True))

    def active(self, campaign: str) -> bool:
        return self.campaign(campaign)["status"] in ("ACTIVE", 1, "IN_PROGRESS")

    def started(self, campaign: str) -> bool:
        return self.campaign(campaign)["status"] not in ("DRAFT", "DRAFTED", "STARTING")

    def senders(self) -> list[str]:
        raise NotImplementedError

    def senders_of(self, campaign: str) -> list[str]:
        raise NotImplementedError

    def hooks(self, campaign: str) -> list[Row]:
        """Return the campaign's webhooks."""
        raise NotImplementedError

    def hook_url(self, hook: Row) -> str:
        raise NotImplementedError

    def forget_hooks(self) -> None:
        """Delete the webhooks of all campaigns, where they are in one list."""

    def stopped(self, campaign: str, among: Sequence[str], for_good: bool) -> set[str]:
        """Return who of these gets nothing more, and in the given way where there are two."""
        raise NotImplementedError

    def messages(self, address: str) -> list[Row]:
        """Return what was written between us and a person, the oldest first."""
        raise NotImplementedError

    def is_reply(self, message: Row) -> bool:
        raise NotImplementedError

    def answers(self, written: Row, received: Row) -> bool:
        """Tell whether a message of ours answers one of theirs."""
        raise NotImplementedError

    def by_hand(self, campaign: str, address: str) -> list[str]:
        """Return what was written to a person by hand, the oldest first."""
        raise NotImplementedError

    def blocked(self) -> list[str]:
        """Return the entries of the account's list, each as often as it is there."""
        return []

    def lag(self, seconds: float) -> bool:
        """Have lists show people late; say whether this provider's can."""
        return False

    def revoked(self) -> str | None:
        """Return a key that was good once, where the simulator can take one back."""
        return None

    def interest(self, campaign: str, address: str) -> None:
        """Make a person interested."""
        raise NotImplementedError


class Smartlead(Harness):
    name, kind, defaults = "smartlead", smartlead.Simulator, smartlead.DEFAULTS
    events = {
        "sent": Fact.SENT,
        "open": Fact.OPENED,
        "click": Fact.CLICKED,
        "reply": Fact.REPLIED,
        "auto_reply": Fact.AUTO_REPLIED,
        "bounce": Fact.BOUNCED,
        "unsubscribed": Fact.UNSUBSCRIBED,
    }

    def senders(self) -> list[str]:
        return [str(row["id"]) for row in self.sim.get("/email-accounts/")]

    def senders_of(self, campaign: str) -> list[str]:
        return [str(sender) for sender in self.campaign(campaign)["email_account_ids"]]

    def hooks(self, campaign: str) -> list[Row]:
        return self.campaign(campaign)["webhooks"]

    def hook_url(self, hook: Row) -> str:
        return hook["webhook_url"]

    def stopped(self, campaign: str, among: Sequence[str], for_good: bool) -> set[str]:
        rows = self.leads(campaign)
        if for_good:
            return {name for name in among if rows[name]["is_unsubscribed"]}
        return {name for name in among if rows[name]["status"] == "PAUSED" and not rows[name]["is_unsubscribed"]}

    def messages(self, address: str) -> list[Row]:
        rows = self.sim.post("/master-inbox/inbox-replies", {"filters": {"search": address[:30]}}, **HISTORY)["data"]
        return [message for row in rows for message in row["email_history"]]

    def is_reply(self, message: Row) -> bool:
        return message["type"] == "REPLY"

    def answers(self, written: Row, received: Row) -> bool:
        return written["stats_id"] == received["stats_id"]

    def by_hand(self, campaign: str, address: str) -> list[str]:
        path = f"/campaigns/{campaign}/leads/{self.leads(campaign)[address]['lead_id']}/message-history"
        rows = [row for row in self.sim.get(path)["history"] if row["type"] == "SENT"]
        return [row["email_body"] for row in rows if row["stats_id"] not in row["message_id"]]

    def blocked(self) -> list[str]:
        rows: list[Row] = []
        while page := self.sim.get("/leads/get-domain-block-list", limit=1000, offset=len(rows)):
            rows += page
        return sorted(row["email_or_domain"] for row in rows)

    def interest(self, campaign: str, address: str) -> None:
        lead = self.leads(campaign)[address]["lead_id"]
        categories = {row["name"]: row["id"] for row in self.sim.get("/leads/fetch-categories")}
        self.sim.post(f"/campaigns/{campaign}/leads/{lead}/category", {"category_id": categories["Interested"]})


class Instantly(Harness):
    name, kind = "instantly", instantly.Simulator
    defaults = {**instantly.DEFAULTS, "interest_delay": 0}
    events = Smartlead.events
    tells_when = False
    sequence = "sequences"

    def senders(self) -> list[str]:
        return self.sim.mailboxes()

    def senders_of(self, campaign: str) -> list[str]:
        return self.campaign(campaign)["email_list"]

    def hooks(self, campaign: str) -> list[Row]:
        rows = self.sim.get("/webhooks", limit=100)["items"]
        return sorted((row for row in rows if row["campaign"] == campaign), key=lambda row: row["id"])

    def hook_url(self, hook: Row) -> str:
        return hook["target_hook_url"]

    def forget_hooks(self) -> None:
        for hook in self.sim.get("/webhooks", limit=100)["items"]:
            self.sim.delete(f"/webhooks/{hook['id']}")

    def stopped(self, campaign: str, among: Sequence[str], for_good: bool) -> set[str]:
        rows = self.leads(campaign)
        if for_good:
            return {name for name in among if name not in rows}
        return {name for name in among if name in rows and rows[name]["interest"] == -1}

    def lag(self, seconds: float) -> bool:
        self.sim.faults(list_lag={"rate": 1, "seconds": seconds})
        return True

    def revoked(self) -> str:
        made = self.sim.post("/api-keys", {"name": "short", "scopes": ["all:all"]})
        self.ask(lambda client: client.account.verify(), key=made["key"])
        self.sim.delete(f"/api-keys/{made['id']}")
        return made["key"]

    def messages(self, address: str) -> list[Row]:
        return self.sim.control.get("/emails", params={"lead": address}).json()

    def is_reply(self, message: Row) -> bool:
        return message["ue_type"] == 2

    def answers(self, written: Row, received: Row) -> bool:
        to, sender = written["fields"]["to_address_email_list"], received["fields"]["from_address_email"]
        return (written["thread_id"], to) == (received["thread_id"], sender)

    def by_hand(self, campaign: str, address: str) -> list[str]:
        rows = self.messages(address)
        return [row["fields"]["body"]["html"] for row in rows if (row["campaign"], row["ue_type"]) == (campaign, 3)]

    def blocked(self) -> list[str]:
        page = self.sim.get("/block-lists-entries", limit=100)
        rows: list[Row] = page["items"]
        while page["items"]:
            page = self.sim.get("/block-lists-entries", limit=100, starting_after=page["next_starting_after"])
            rows += page["items"]
        return sorted(row["bl_value"] for row in rows)

    def interest(self, campaign: str, address: str) -> None:
        self.sim.play(campaign, address, "interest", value=1)


class HeyReach(Harness):
    name, kind = "heyreach", heyreach.Simulator
    defaults = {**heyreach.DEFAULTS, "retry_after": True}
    hook_count = 6  # one for each kind of event
    tells_later_replies = False
    events = {
        "connection_sent": Fact.REQUEST_SENT,
        "accepted": Fact.REQUEST_ACCEPTED,
        "message": Fact.SENT,
        "reply": Fact.REPLIED,
        "auto_reply": Fact.AUTO_REPLIED,
        "inmail": Fact.SENT,
        "inmail_reply": Fact.REPLIED,
    }

    def fresh(self, number: int = 1) -> list[str]:
        return [f"linkedin.com/in/{address.partition('@')[0].replace('.', '-')}" for address in super().fresh(number)]

    def person(self, row: Row) -> str:
        return (row.get("profile_url") or row["email"]).removeprefix("https://www.")

    def senders(self) -> list[str]:
        return [str(seat) for seat in self.sim.seats()]

    def senders_of(self, campaign: str) -> list[str]:
        return [str(sender) for sender in self.campaign(campaign)["account_ids"]]

    def hooks(self, campaign: str) -> list[Row]:
        rows = self.sim.post("/webhooks/GetAllWebhooks", {"limit": 100})["items"]
        return [row for row in rows if row["campaignIds"] == [int(campaign)]]

    def hook_url(self, hook: Row) -> str:
        return hook["webhookUrl"]

    def forget_hooks(self) -> None:
        for hook in self.sim.post("/webhooks/GetAllWebhooks", {"limit": 100})["items"]:
            assert self.sim.ask("DELETE", "/webhooks/DeleteWebhook", webhookId=hook["id"]).is_success

    def stopped(self, campaign: str, among: Sequence[str], for_good: bool) -> set[str]:
        rows = self.leads(campaign)
        return {name for name in among if rows[name]["stopped"]}

    def lag(self, seconds: float) -> bool:
        self.sim.set(lag_s=seconds)
        return True

    def messages(self, address: str) -> list[Row]:
        return self.sim.control.get("/messages", params={"profile_url": address}).json()

    def is_reply(self, message: Row) -> bool:
        return message["sender"] == "CORRESPONDENT"

    def answers(self, written: Row, received: Row) -> bool:
        return written["conversation_id"] == received["conversation_id"]

    def by_hand(self, campaign: str, address: str) -> list[str]:
        return [row["body"] for row in self.messages(address) if row["sender"] == "ME" and row["campaign_id"] is None]

    def revoked(self) -> str:
        self.ask(lambda client: client.account.verify(), key=heyreach.OTHER_KEY)
        self.sim.set(keys={heyreach.OTHER_KEY: "deleted"})
        return heyreach.OTHER_KEY


HARNESSES: dict[str, type[Harness]] = {one.name: one for one in (Smartlead, Instantly, HeyReach)}


def schedule(minute: int) -> Schedule:
    return Schedule("Europe/Lisbon", [1, 3, 5], time(8, minute), time(17, 0), 12, 55)


def _without_changes(value: Any) -> Any:
    kept = json.dumps(value, sort_keys=True)
    return json.loads(kept, object_hook=lambda row: {name: row[name] for name in row if name not in CHANGES})


@contextmanager
def recorder(target: str) -> Generator[tuple[str, list[dict[str, str]]]]:
    """Stand between a client and its simulator, and note the headers of every request."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def handle_one_way(self) -> None:
            sent = {name.lower(): value for name, value in self.headers.items()}
            seen.append(sent)
            body = self.rfile.read(int(sent.get("content-length", 0)))
            passed_on = {name: value for name, value in sent.items() if name not in ("host", "content-length")}
            answer = httpx.request(
                self.command, target + self.path, content=body or None, headers=passed_on, timeout=PATIENCE
            )
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("content-type", ""))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_one_way  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", seen
    server.shutdown()
    server.server_close()
