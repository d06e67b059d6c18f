"""A sender that goes to another company takes nothing along: what was before stays with the company that had it.

Two companies, one sender, one person, at each provider; the first company is still there, or deleted by then. Most of a
story is waiting, so all run side by side and looked at afterwards.
"""

import secrets
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.engine import Engine, wait_for
from tests.jobs.moving import PROVIDERS, Account, Row, Work, in_the_past, threads, unhurried, untold

EARLY, BY_WEBHOOK, BY_ASKING = OLD = ("Early", "Told late", "Found late")  # what the person wrote to One
HELLO, NEW, ANSWER = OURS = ("Hello of Two", "To Two", "From Two")
AGAIN = "Again to One"
FIRSTS = ("there", "deleted")


@dataclass
class Story:
    """One sender that went from One to Two, who write to the same person one after the other."""

    account: Account
    one: Work
    first: str
    two: Work = field(init=False)
    mark: str = field(default_factory=lambda: secrets.token_hex(4))
    old: dict[str, Row] = field(default_factory=dict[str, Row])  # the webhooks of what the person wrote to One
    seen: dict[str, Any] = field(default_factory=dict[str, Any])

    def text(self, name: str) -> str:
        """Return words that stand in one message only."""
        return f"{name}. {self.mark}"

    def found(self, where: object, names: tuple[str, ...]) -> list[str]:
        """Return which of these messages are to be found in what was seen."""
        return [name for name in names if self.text(name) in str(where)]

    def threads(self, name: str) -> set[str]:
        """Return the provider's threads that a message stands in."""
        return threads(self.account, self.one.person, self.text(name), self.one, self.two)

    def happen(self) -> "Story":
        """Let One get its webhooks, the sender move, and old and new arrive in every way."""
        self.one.deliver(self.old[EARLY])
        wait_for("the first thread", lambda: self.found(self.one.messages(), (EARLY,)))
        seat, two = self.account.senders()[0]["id"], self.account.companies["Two"]
        if self.first == "deleted":
            self.account.delete(self.one.company)
        self.two = Work.begin(self.account, two, self.account.assign(seat, two), self.one.person)
        self.by_webhook()
        self.by_asking()
        self.by_reply()
        return self

    def look(self, moment: str, **more: Any) -> None:
        """Remember all that both companies are shown now."""
        one = (self.one.everything(), self.one.replies()) if self.first == "there" else ("", [])
        two = {"two": self.two.everything(), "stats": self.two.stats(), "messages": self.two.messages()}
        self.seen[moment] = {"one": one[0], "one's replies": one[1], **two, **more}

    def by_webhook(self) -> None:
        """Deliver late what the person wrote to One: to both addresses, and as if it were of Two's campaign where that
        can be, since the seat and the person are the same."""
        late = self.old[BY_WEBHOOK]
        status = self.one.deliver(late)
        self.two.deliver(late)
        if self.account.provider == "heyreach":
            self.two.deliver({**late, "campaign": {"id": self.two.external}})
        self.look("webhook", status=status, reasons=self.two.reasons())

    def by_asking(self) -> None:
        """Ask for what has happened, in both campaigns."""
        if self.first == "there":
            self.one.poll()
        self.two.poll()
        self.look("asking")

    def by_reply(self) -> None:
        """Let Two write to the person, who answers both companies, and Two answer in turn."""
        self.two.hears(self.text(HELLO), "message" if self.account.provider == "heyreach" else "sent")
        self.two.deliver(self.two.hears(self.text(NEW)))
        wait_for("the second thread", lambda: self.found(self.two.messages(), (NEW,)))
        self.one.hears(self.text(AGAIN))
        self.look("reply", answer=self.two.answer(self.text(ANSWER)))


def of_provider(engine: Engine, provider: str) -> list[Story]:
    """Return a provider's stories at the moment when the sender moves: the person has written to One, long ago."""
    stories: list[Story] = []
    for first in FIRSTS:
        account = Account(engine, engine.new_organization(), provider)
        one = account.company("One")
        account.company("Two")
        work = Work.begin(account, one, account.senders()[0]["sender_id"], account.new_person())
        work.long_since(timedelta(hours=2))
        stories.append(Story(account, work, first))
    with in_the_past(engine, provider):
        for story in stories:
            story.old = {name: story.one.hears(story.text(name)) for name in OLD}
    return stories


@pytest.fixture(scope="module")
def stories(engine: Engine) -> Iterator[dict[tuple[str, str], "Future[Story]"]]:
    """All stories, as they run."""
    with untold(engine), unhurried(engine), ThreadPoolExecutor(len(PROVIDERS) * len(FIRSTS)) as pool:

        def begin(provider: str) -> list[Story]:
            return of_provider(engine, provider)

        begun = list(pool.map(begin, PROVIDERS))
        yield {(story.account.provider, story.first): pool.submit(story.happen) for their in begun for story in their}


@pytest.fixture
def story(stories: dict[tuple[str, str], "Future[Story]"], provider: str, first: str) -> Story:
    """One story, run to its end."""
    return stories[provider, first].result()


each = pytest.mark.parametrize(
    ("provider", "first"), [(provider, first) for first in FIRSTS for provider in reversed(PROVIDERS)]
)
while_there = pytest.mark.parametrize(("provider", "first"), [(provider, "there") for provider in PROVIDERS])


@each
def test_a_webhook_from_before_stays_with_the_company_that_had_the_sender(story: Story) -> None:
    seen = story.seen["webhook"]
    by_seat = ["before_hand_over"] if story.account.provider == "heyreach" else []
    assert sorted(seen["reasons"]) == [*by_seat, "unknown_campaign"]
    assert story.found(seen["two"], OLD) == []
    assert seen["messages"] == []
    assert {*seen["stats"]["messages"].values()} == {0}
    is_there = story.first == "there"
    assert seen["status"] == (200 if is_there else 404)
    assert story.found(seen["one's replies"], OLD) == ([EARLY, BY_WEBHOOK] if is_there else [])


@each
def test_polling_gives_no_company_what_was_anothers(story: Story) -> None:
    seen = story.seen["asking"]
    assert story.found(seen["two"], OLD) == []
    assert seen["messages"] == []
    assert seen["stats"]["messages"]["replied"] == 0
    # By seat no company may get it; by mail One does, while it is there.
    is_found = story.found(seen["one's replies"], (BY_ASKING,)) == [BY_ASKING]
    assert is_found is (story.first == "there") or story.account.provider == "heyreach"


@each
def test_an_answer_goes_into_the_companys_own_thread(story: Story) -> None:
    seen = story.seen["reply"]
    assert seen["answer"]["state"] == "sent"
    assert story.threads(ANSWER) == story.threads(NEW) != set()
    # On LinkedIn a seat and a person have one thread for good; by mail each campaign has its own.
    is_one_thread = story.account.provider == "heyreach"
    assert [story.threads(ANSWER) == story.threads(name) for name in (EARLY, AGAIN)] == [is_one_thread] * 2
    assert is_one_thread or story.found(seen["messages"], (AGAIN,)) == []
    assert story.found(seen["two"], OLD) == []
    assert story.found(seen["messages"], (NEW, ANSWER)) == [NEW, ANSWER]
    assert seen["stats"]["messages"]["replied"] == 1


@while_there
def test_what_was_before_stays_and_nothing_is_added_to_it(story: Story) -> None:
    before, after = story.seen["webhook"], story.seen["reply"]
    for seen in (before, after):
        assert story.found(seen["one"], (EARLY, BY_WEBHOOK)) == [EARLY, BY_WEBHOOK]
    assert story.found(after["one"], OURS) == []
    assert story.found(story.one.messages(), OLD + OURS) == [*OLD]
