"""What all calls to Smartlead share. The key travels in the query string of every request, so no URL may be logged."""

from collections.abc import Mapping
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
        found: list[Mapping[str, Any]] = []
        size = size or PAGE
        while True:
            page = {**(params or {}), "offset": len(found), "limit": size}
            rows = rows_of(await self.http.get(API + path, params=page))
            found += rows
            if len(rows) < size:
                return found


def rows_of(answer: Answer) -> list[Mapping[str, Any]]:
    """Return the rows of a list, bare or under `data`; an empty body is an empty list."""
    return as_rows(as_mapping(answer.body).get("data") or answer.body)
