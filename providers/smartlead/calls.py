"""What all calls to Smartlead share. The key travels in the query string of every request, so no URL may be logged."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from providers.contract import Access
from providers.http import Answer, ProviderHttp
from providers.reading import as_mapping, as_rows

API = "/api/v1"
PAGE = 100


class Calls:
    """One Smartlead account's connection."""

    def __init__(self, access: Access) -> None:
        self.http = ProviderHttp(access, query={"api_key": access.api_key})

    async def put(self, path: str, body: object, *, method: str = "POST") -> None:
        """Change something into what can be put again."""
        await self.http.send(method, API + path, body=body, repeatable=True)

    async def pages(
        self, path: str, params: Mapping[str, Any] | None = None, *, size: int | None = None
    ) -> list[Mapping[str, Any]]:
        """Return the rows of all pages; lists have no total that can be trusted, so a short page is the last."""
        return [row async for rows, _ in self.each_page(path, params, size=size or PAGE) for row in rows]

    async def each_page(
        self, path: str, params: Mapping[str, Any] | None = None, *, size: int, start: int = 0
    ) -> AsyncGenerator[tuple[list[Mapping[str, Any]], int]]:
        """Yield the rows of each page from an offset on, with the offset behind them."""
        while True:
            page = {**(params or {}), "offset": start, "limit": size}
            rows = rows_of(await self.http.get(API + path, params=page))
            start += len(rows)
            yield rows, start
            if len(rows) < size:
                return


def rows_of(answer: Answer) -> list[Mapping[str, Any]]:
    """Return the rows of a list, bare or under `data`; an empty body is an empty list."""
    return as_rows(as_mapping(answer.body).get("data") or answer.body)
