"""What all calls to Instantly share.

The key travels in a header. Nothing here sends an unknown property: those are dropped there without a word, and a
filter that is dropped widens what it was to narrow. A body is sent with every request that has one in the provider's
document, and with no other: an empty body that calls itself JSON is refused.
"""

from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from providers.contract import Access
from providers.errors import CredentialRefused, Passing, Refused
from providers.http import Answer, ProviderHttp, header_value
from providers.instantly import mapping
from providers.reading import as_mapping, as_rows

API = "/api/v2"
PAGE = 100
# 402 is a workspace without a paid plan, 403 a key without the scope: answered to one call, true of all we need.
ACCOUNT_REFUSALS = frozenset({402, 403})
T = TypeVar("T")


class Calls:
    """One Instantly workspace's connection."""

    def __init__(self, access: Access) -> None:
        self.http = ProviderHttp(
            access,
            headers={"Authorization": f"Bearer {header_value(access.api_key)}"},
            account_refusals=ACCOUNT_REFUSALS,
        )

    async def optional(self, call: Awaitable[T]) -> T:
        """Await what some plans or keys lack that have all the rest: then it is refused, and the key is still good.
        Raises Refused for that."""
        try:
            return await call
        except CredentialRefused as error:
            if error.status not in ACCOUNT_REFUSALS:
                raise
            raise Refused(str(error), status=error.status, request_id=error.request_id) from None

    async def put(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Change one thing and return it as it is now; an answer that does not show it proves nothing. Raises Passing
        for such an answer."""
        answer = await self.http.send(method, API + path, body=body, repeatable=True)
        changed = as_mapping(answer.body)
        if mapping.row_id(changed) is None:
            raise Passing(f"{method} {path}: the answer does not show what was changed", status=answer.status)
        return changed

    async def delete(self, path: str) -> None:
        """Delete one thing; that it is gone already is what was wanted."""
        try:
            await self.put("DELETE", path)
        except Refused as error:
            if error.status != 404:
                raise

    async def rows(
        self, path: str, body: Mapping[str, Any] | None = None, *, params: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Mapping[str, Any]]:
        """Yield the rows of all pages. Raises Passing when a cursor repeats."""
        async for rows, _ in self.each_page(path, body, params=params):
            for row in rows:
                yield row

    async def each_page(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        after: str = "",
    ) -> AsyncGenerator[tuple[list[Mapping[str, Any]], str]]:
        """Yield the rows of each page behind a cursor, with the cursor behind them. Every page with rows has one, which
        is handed back as it came. Raises Passing when a cursor repeats."""
        cursors: set[str] = {after}
        wanted: dict[str, Any] = dict(body or {"limit": PAGE, **(params or {})})
        if after:
            wanted["starting_after"] = after
        while True:
            if body is None:
                answer = await self.http.get(API + path, params=wanted)
            else:
                answer = await self.http.send("POST", API + path, body=wanted, repeatable=True)
            rows, cursor = page_of(answer)
            yield rows, cursor
            if not rows or not cursor:
                return
            if cursor in cursors:
                raise Passing(f"{path}: the list turns in a circle", status=answer.status)
            cursors.add(cursor)
            wanted["starting_after"] = cursor


def page_of(answer: Answer) -> tuple[list[Mapping[str, Any]], str]:
    """Return the rows of a page and its cursor. An answer that is no page says nothing of what is there. Raises Passing
    for that."""
    page = as_mapping(answer.body)
    if not isinstance(page.get("items"), list):
        raise Passing("the answer is no list", status=answer.status)
    cursor = page.get("next_starting_after")
    return as_rows(page["items"]), cursor if isinstance(cursor, str) else ""


def segment(value: object) -> str:
    """Return an id as one part of a path."""
    return quote(str(value), safe="")
