"""Smartlead's block list of an account: its API reference has it under "Domain Block List", addresses and all."""

from collections.abc import Mapping, Sequence
from typing import Any

from providers.errors import Passing, Refused
from providers.smartlead import mapping
from providers.smartlead.calls import API, Calls, rows_of

LIST = "/leads/get-domain-block-list"
BATCH = 100  # how many it takes at once is not said
PAGE, LEAST_PAGE = 1000, 100  # 1000 is the limit of a page; 100 by an older word, so a page of fewer is the last
FEW = 20  # so many are looked up one by one, more by reading the whole list


class SmartleadBlockList:
    """The addresses and domains that one account takes no lead from."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def add(self, entries: Sequence[str]) -> None:
        """`POST /leads/add-domain-block-list`: addresses go into the list of domains too. The answer only counts."""
        for start in range(0, len(entries), BATCH):
            body = {"domain_block_list": list(entries[start : start + BATCH])}
            await self._calls.put("/leads/add-domain-block-list", body)

    async def remove(self, entries: Sequence[str]) -> None:
        """`DELETE /leads/delete-domain-block-list?id=`: an entry goes by its id alone, which the list tells."""
        wanted, filters = set(entries), [dict[str, str]()]
        if len(wanted) <= FEW:
            filters = [{"filter_email_or_domain": entry} for entry in sorted(wanted)]
        for narrowed in filters:
            for value, key in await self._listed(narrowed):
                if value in wanted:  # the filter finds parts of words as well
                    await self._delete(key)

    async def entries(self) -> set[str]:
        """`GET /leads/get-domain-block-list`: all pages."""
        return {value for value, _ in await self._listed({})}

    async def _listed(self, narrowed: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the entries of all pages, each with its id."""
        found, offset, before = list[tuple[str, str]](), 0, list[Mapping[str, Any]]()
        while True:
            answer = await self._calls.http.get(API + LIST, params={**narrowed, "offset": offset, "limit": PAGE})
            rows = rows_of(answer)
            found += [entry for row in rows if (entry := mapping.blocked(row))]
            if len(rows) < min(PAGE, LEAST_PAGE):
                return found
            if rows == before:
                raise Passing(f"GET {LIST}: the list turns in a circle", status=answer.status)
            offset, before = offset + len(rows), rows

    async def _delete(self, key: str) -> None:
        path = f"{API}/leads/delete-domain-block-list"
        try:
            await self._calls.http.send("DELETE", path, params={"id": key}, repeatable=True)
        except Refused as error:
            if error.status != 404:  # gone already is what was wanted
                raise
