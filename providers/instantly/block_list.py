"""Instantly's block list of a workspace: its API reference has it under "Block List Entry".

A key may lack the scope for it (`block_list_entries`) and be good for all the rest: then this alone is refused.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from providers.errors import Passing, Refused
from providers.http import Answer
from providers.instantly import mapping
from providers.instantly.calls import API, Calls
from providers.reading import as_mapping

LIST = "/block-lists-entries"
BATCH = 1000  # the limit, for adding and for deleting
FEW = 20  # so many are looked up one by one, more by reading the whole list


class InstantlyBlockList:
    """The addresses and domains that one workspace takes no lead from."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def add(self, entries: Sequence[str]) -> None:
        """`POST /block-lists-entries/bulk-create`: the answer shows what is on the list, and counts what it did not
        take."""
        for start in range(0, len(entries), BATCH):
            body = {"bl_values": list(entries[start : start + BATCH])}
            answer = await self._change(f"{LIST}/bulk-create", body)
            _check_shown(as_mapping(answer.body).get("items"), answer)

    async def remove(self, entries: Sequence[str]) -> None:
        """`POST /block-lists-entries/bulk-delete`: entries go by their ids alone, which the list tells. It is never
        read without ids, and the list itself is never deleted: that would empty it."""
        wanted, filters = set(entries), [dict[str, Any]()]
        if len(wanted) <= FEW:
            filters = [_filter(entry) for entry in sorted(wanted)]
        listed = [entry for narrowed in filters for entry in await self._calls.optional(self._listed(narrowed))]
        ids = sorted({key for value, key in listed if value in wanted})  # one value may stand there more than once
        for start in range(0, len(ids), BATCH):
            await self._delete(ids[start : start + BATCH])

    async def entries(self) -> set[str]:
        """`GET /block-lists-entries`: all pages."""
        return {value for value, _ in await self._calls.optional(self._listed({}))}

    async def _listed(self, narrowed: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the entries of all pages, each with its id."""
        rows = self._calls.rows(LIST, params=narrowed)
        return [entry async for row in rows if (entry := mapping.blocked(row))]

    async def _delete(self, ids: Sequence[str]) -> None:
        try:
            answer = await self._change(f"{LIST}/bulk-delete", {"ids": list(ids)})
        except Refused as error:
            if error.status != 404:
                raise
            # One was gone already. Which is not said: the next time asks for those that are left.
            raise Passing(str(error), status=error.status, request_id=error.request_id) from None
        _check_shown(answer.body, answer)

    async def _change(self, path: str, body: Mapping[str, Any]) -> Answer:
        return await self._calls.optional(self._calls.http.send("POST", API + path, body=body, repeatable=True))


def _filter(entry: str) -> dict[str, Any]:
    """Return what narrows the list to an entry and few others: a search finds a domain in each of its addresses."""
    return {"search": entry} if "@" in entry else {"search": entry, "domains_only": True}


def _check_shown(shown: object, answer: Answer) -> None:
    """Check that an answer shows what was changed; one that does not proves nothing."""
    if not isinstance(shown, list):
        raise Passing("the answer does not show what was changed", status=answer.status)
