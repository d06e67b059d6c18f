"""Keyset pages: `limit` and an opaque `cursor` in, `{"data": […], "next_cursor": …}` out."""

import base64
import binascii
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from api.errors import Unprocessable


def bad_cursor() -> Unprocessable:
    """Return the refusal of a cursor that no list of ours gave out."""
    return Unprocessable(
        "`cursor` is not one that this list gave out; start again without it.",
        code="invalid_cursor",
        errors=[{"pointer": "?cursor", "code": "invalid_cursor"}],
    )


def encode_cursor(value: str) -> str:
    """Return an opaque cursor, for lists that Postgres does not page itself."""
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


class Page:
    """One page's bounds, as a list's queries take them."""

    def __init__(self, limit: int, cursor: str | None) -> None:
        self.limit = limit
        self.cursor = cursor

    def _decoded(self) -> str | None:
        if self.cursor is None:
            return None
        try:
            padded = self.cursor + "=" * (-len(self.cursor) % 4)
            return base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            raise bad_cursor() from None

    def by_id(self) -> dict[str, object]:
        """Return `page_size` and `before`, the id that the page continues below; 422 for a foreign cursor."""
        decoded = self._decoded()
        try:
            return {"page_size": self.limit, "before": None if decoded is None else UUID(decoded)}
        except ValueError:
            raise bad_cursor() from None

    def by_sequence(self) -> dict[str, object]:
        """Return `page_size` and `after`, the sequence number that the page continues above."""
        decoded = self._decoded()
        if decoded is not None and not (decoded.isdigit() and len(decoded) < 19):
            raise bad_cursor()
        return {"page_size": self.limit, "after": int(decoded or 0)}


async def page(
    limit: Annotated[int, Query(ge=1, le=200, description="How many items at most.")] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")] = None,
) -> Page:
    """Return the bounds that the caller of a list gave."""
    return Page(limit, cursor)


PageDep = Annotated[Page, Depends(page)]
