"""What all calls to HeyReach share.

The key travels in a header. Nearly every list is read by POST, and every POST sends JSON, be it an empty object, since
some are refused without it. Most changes are answered with nothing.
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from providers.contract import Access
from providers.errors import Passing, Refused
from providers.heyreach import mapping
from providers.http import Answer, ProviderHttp, header_value
from providers.reading import as_integer, as_list, as_mapping, as_rows

API = "/api/public"
PAGE = 100
UNKNOWN = frozenset({400, 404})  # what is said of a person that the workspace does not know


class Calls:
    """One HeyReach workspace's connection."""

    def __init__(self, access: Access) -> None:
        self.http = ProviderHttp(access, headers={"X-API-KEY": header_value(access.api_key)})

    async def verify(self) -> None:
        """Ask whether the key is good."""
        checked(await self.http.get(f"{API}/auth/CheckApiKey"))

    async def enrolments(self, url: str) -> list[Mapping[str, Any]]:
        """Return a person's rows in all campaigns; none for a person the workspace does not know."""
        try:
            return [row async for row in self.rows("/campaign/GetCampaignsForLead", {"profileUrl": url})]
        except Refused as error:
            if error.status not in UNKNOWN:
                raise
            return []

    async def change(self, path: str, campaign: str, body: Mapping[str, Any]) -> None:
        """Change a part of a campaign; doing it again ends in the same state."""
        checked(await self.edit(path, {"campaignId": mapping.campaign_number(campaign), **body}, repeatable=True))

    async def edit(self, path: str, body: Mapping[str, Any], *, repeatable: bool) -> Answer:
        """Create or change a campaign. A 403 is said to an address or, here, to a workspace without subscription: then
        other questions are answered. Raises Refused for the latter."""
        try:
            return await self.http.send("POST", API + path, body=body, repeatable=repeatable)
        except Passing as error:
            if error.status != 403:
                raise
            await self.verify()
            raise Refused(str(error), status=error.status, request_id=error.request_id) from None

    async def send(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        method: str = "POST",
        params: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Send a request that may be repeated: it reads, or ends in the same state."""
        return checked(await self.http.send(method, API + path, params=params, body=body or {}, repeatable=True))

    async def rows(self, path: str, body: Mapping[str, Any] | None = None) -> AsyncGenerator[Mapping[str, Any]]:
        """Yield the rows of all pages. Raises Passing when an answer is no list, or pages repeat."""
        async for rows, _ in self.each_page(path, body):
            for row in rows:
                yield row

    async def each_page(
        self, path: str, body: Mapping[str, Any] | None = None, *, offset: int = 0
    ) -> AsyncGenerator[tuple[list[Mapping[str, Any]], int | None]]:
        """Yield the rows of each page from an offset on, with the offset behind them, None at the end. Raises Passing
        when an answer is no list, or pages repeat."""
        before = list[Any]()
        while True:
            answer = await self.send(path, {**(body or {}), "offset": offset, "limit": PAGE})
            page = as_mapping(answer.body)
            if not isinstance(page.get("items"), list):
                raise Passing(f"{path}: the answer is no list", status=answer.status)
            items = as_list(page["items"])
            if items and items == before:
                raise Passing(f"{path}: the list turns in a circle", status=answer.status)
            offset += len(items)
            total = as_integer(page.get("totalCount"))
            is_last = len(items) < PAGE or (total is not None and offset >= total)
            yield as_rows(items), None if is_last else offset
            if is_last:
                return
            before = items


def checked(answer: Answer) -> Answer:
    """Return an answer, which may be empty but is no page for people: that one comes from a proxy in between. Raises
    Passing for such a page."""
    if answer.text.lstrip().startswith("<"):
        raise Passing("the answer is a page for people", status=answer.status)
    return answer
