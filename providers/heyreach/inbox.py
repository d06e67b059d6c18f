"""What people wrote, who was invited, and answers to them, as HeyReach lists and takes them.

Conversations are read off LinkedIn late and dated back, so a poll begins `OVERLAP` early. They name no
campaign: that is the one of ours which the person is in.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from providers.contract import FORGETFUL, Progress, Senders
from providers.deliveries import moment_of
from providers.errors import Passing, Refused
from providers.heyreach import facts, mapping
from providers.heyreach.calls import API, PAGE, UNKNOWN, Calls, checked
from providers.heyreach.parser import labels
from providers.models import Figures, Message, ProviderEvent
from providers.reading import as_integer, as_list, as_mapping, as_place, as_rows

OVERLAP = timedelta(minutes=45)
BACK = 5  # people: so many may go away before the place where a list is left
BEGINNING = "2020-01-01T00:00:00Z"
Row = Mapping[str, Any]


class HeyReachInbox:
    """The parts of one workspace that are about messages."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def read_figures(self, campaign: str) -> Figures:
        """Read what a campaign has done since it began."""
        body = {
            "accountIds": [],
            "campaignIds": [mapping.campaign_number(campaign)],
            "startDate": BEGINNING,
            "endDate": _stamp(datetime.now(UTC)),
        }
        return facts.figures(as_mapping((await self._calls.send("/stats/GetOverallStats", body)).body))

    async def read_facts(
        self, campaigns: Sequence[str], since: datetime, *, progress: Progress = FORGETFUL
    ) -> list[ProviderEvent]:
        """Read invitations per campaign, and what people wrote in the whole workspace."""
        found: list[ProviderEvent] = []
        if not campaigns:
            return found
        for campaign in campaigns:
            found += await self._invitations(campaign, since - OVERLAP, progress)
        begun = as_place(progress.place("conversations"), str | None, str, str | None)
        if begun is not None and begun[:2] == [None, _stamp(since - OVERLAP)]:
            return found
        seats = {campaign: await self._seats(campaign) for campaign in campaigns}
        async for conversations, place in self._changed(since - OVERLAP, begun):
            read: list[ProviderEvent] = []
            for conversation in conversations:
                read += await self._replies(seats, conversation, since - OVERLAP)
            await progress.keep("conversations", read, place)
            found += read
        return found

    async def _invitations(self, campaign: str, since: datetime, progress: Progress) -> list[ProviderEvent]:
        """Read the leads that were acted on since then, from where they were left: none where the campaign is gone, or
        it would keep back the facts of all others."""
        window = {"timeFilter": "LastActionTakenTime", "timeFrom": _stamp(since)}
        name = f"{campaign}:members"
        left, began = as_place(progress.place(name), int | None, str) or (0, None)
        if began == window["timeFrom"] and left is None:
            return []
        found: list[ProviderEvent] = []
        try:
            body = {"campaignId": mapping.campaign_number(campaign), **window}
            start = max(left - BACK, 0) if began == window["timeFrom"] else 0
            async for rows, behind in self._calls.each_page("/campaign/GetLeadsFromCampaign", body, offset=start):
                read = [fact for row in rows if (fact := facts.invitation(campaign, row))]
                await progress.keep(name, read, [behind, window["timeFrom"]])
                found += read
        except Refused as error:
            if error.status != 404:
                raise
        return found

    async def _seats(self, campaign: str) -> frozenset[str]:
        """Return the seats whose conversations can be a campaign's; none where it is gone."""
        params = {"campaignId": mapping.campaign_number(campaign)}
        try:
            row = as_mapping((await self._calls.http.get(f"{API}/campaign/GetById", params=params)).body)
        except Refused as error:
            if error.status != 404:
                raise
            return frozenset()
        return frozenset(str(seat) for seat in as_list(row.get("campaignAccountIds")))

    async def _replies(
        self, seats: Mapping[str, frozenset[str]], conversation: Row, since: datetime
    ) -> list[ProviderEvent]:
        """Read a conversation's replies and its person's tags as those of the campaign that the person is in and
        that the seat writes for."""
        profile = facts.person_of(conversation)
        url = mapping.profile_url(profile) if profile else None
        messages = await self._messages(conversation)
        if url is None or not facts.replies("", conversation, messages, since):
            return []
        seat = str(conversation.get("linkedInAccountId"))
        enrolled = [str(row.get("campaignId")) for row in await self._calls.enrolments(url)]
        ours = [campaign for campaign in enrolled if seat in seats.get(campaign, ())]
        if not ours:
            return []
        campaign = max(ours, key=int)
        tags = labels(campaign, as_mapping(conversation.get("correspondentProfile")), None)
        return [*facts.replies(campaign, conversation, messages, since), *tags]

    async def _changed(self, since: datetime, place: list[Any] | None) -> AsyncGenerator[tuple[list[Row], list[Any]]]:
        """Yield the conversations with a message since then, page by page, with the place behind each. Where reading
        goes on, those come first that have moved on since: they are not behind the place any more. Where the newer list
        is missing, the older one is read from its top, newest first, as far as need be."""
        begun, now = _stamp(since), _stamp(datetime.now(UTC))
        cursor, began, until = place or (None, None, None)
        windows = [{"from": begun, "to": now}]
        if place and began == begun and cursor and until:
            windows = [{"from": until, "to": now}, {"from": begun, "to": until, "cursor": cursor}]
        is_there = False
        try:
            for window in windows:
                async for rows, behind in self._pages(window):
                    is_there = True
                    yield rows, place if place and window is not windows[-1] else [behind, begun, window["to"]]
        except Refused as error:
            if error.status != 404 or is_there:
                raise
            yield await self._changed_by_page(since), [None, begun, None]

    async def _pages(self, window: Mapping[str, str]) -> AsyncGenerator[tuple[list[Row], str | None]]:
        """Yield the conversations of each page of the newer list, with the cursor behind them, None at the end."""
        body: dict[str, Any] = {"limit": PAGE, "filters": {}, **window}
        while True:
            page = as_mapping((await self._calls.send("/inbox/GetConversationsV3", body)).body)
            rows, cursor = as_rows(page.get("items")), page.get("nextCursor")
            is_last = not rows or not cursor or page.get("hasNextPage") is False
            if not is_last and cursor == body.get("cursor"):
                raise Passing("GetConversationsV3: the list turns in a circle")
            yield rows, None if is_last else cursor
            if is_last:
                return
            body["cursor"] = cursor

    async def _changed_by_page(self, since: datetime) -> list[Row]:
        found: list[Row] = []
        async for row in self._calls.rows("/inbox/GetConversationsV2", {"filters": _filters()}):
            moment = moment_of(row.get("lastMessageAt"))
            if moment is not None and moment < since:
                break
            found.append(row)
        return found

    async def _messages(self, conversation: Row) -> list[Row]:
        """Return all messages of a conversation; a list may show only its end."""
        shown = as_rows(conversation.get("messages"))
        total = as_integer(conversation.get("totalMessages"))
        if total is None or len(shown) >= total:
            return shown
        account, name = conversation.get("linkedInAccountId"), quote(str(conversation.get("id")), safe="")
        try:
            answer = checked(await self._calls.http.get(f"{API}/inbox/GetChatroom/{account}/{name}"))
        except Refused as error:
            if error.status not in UNKNOWN:  # names of conversations are listed that are not good any more
                raise
            return shown
        return as_rows(as_mapping(answer.body).get("messages")) or shown

    async def _conversations(self, address: str, senders: Senders | None) -> list[Row]:
        """Return the conversations of these seats with one person that have a message."""
        url = mapping.profile_url(address)
        if url is None:
            raise Refused("the person is not named by a profile")
        body = {"filters": {**_filters(), "leadProfileUrl": url}}
        try:
            rows = [row async for row in self._calls.rows("/inbox/GetConversationsV2", body)]
        except Refused as error:
            if error.status not in UNKNOWN:
                raise
            return []
        theirs = [row for row in rows if facts.person_of(row) == mapping.profile(url)]
        return [row for row in theirs if senders is None or str(row.get("linkedInAccountId")) in senders]

    async def read_thread(
        self,
        campaign: str,  # noqa: ARG002
        lead: str | None,  # noqa: ARG002
        address: str,
        *,
        senders: Senders | None = None,
    ) -> list[Message]:
        """Read what was written between these seats and one person."""
        found = [
            facts.message(conversation, row)
            for conversation in await self._conversations(address, senders)
            for row in facts.since(_came(conversation, senders), await self._messages(conversation))
        ]
        return sorted(found, key=lambda message: message.sent_at or datetime.min.replace(tzinfo=UTC))

    async def _is_anothers(self, conversation: Row, came: datetime | None) -> bool:
        return came is not None and facts.is_anothers(came, await self._messages(conversation))

    async def reply(
        self,
        campaign: str,  # noqa: ARG002
        lead: str | None,  # noqa: ARG002
        address: str,
        text: str,
        *,
        senders: Senders | None = None,
    ) -> None:
        """Write into the conversation in which the person wrote last. It is queued there. Raises Refused where there is
        none."""
        found = await self._conversations(address, senders)
        rows = [row for row in found if not await self._is_anothers(row, _came(row, senders))]
        rows.sort(key=lambda row: (row.get("lastMessageSender") == facts.PERSON, str(row.get("lastMessageAt"))))
        if not rows:
            raise Refused("there is no conversation to answer in")
        body = {
            "message": text,
            "subject": "",
            "conversationId": rows[-1].get("id"),
            "linkedInAccountId": rows[-1].get("linkedInAccountId"),
        }
        checked(await self._calls.http.send("POST", f"{API}/inbox/SendMessage", body=body))


def _came(conversation: Row, senders: Senders | None) -> datetime | None:
    """Return when a conversation's seat came from another company, where it may have."""
    return (senders or {}).get(str(conversation.get("linkedInAccountId")))


def _filters() -> dict[str, Any]:
    return {"linkedInAccountIds": [], "campaignIds": []}


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
