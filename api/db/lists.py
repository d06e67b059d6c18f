"""What a subject declares of its lists, so that an import can add them without knowing the subject."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from api.db.pool import Row, Tx
from api.db.seen import Seen
from api.tables.records import Record

Layout = Mapping[str, Any]


@dataclass(frozen=True)
class Added:
    """How many rows had which result, each row's, and the keys that were seen for the first time."""

    counts: Counter[str]
    results: list[dict[str, Any]]
    keys: Collection[str] = ()


class ListKind(Protocol):
    """One kind of list."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns of its results, which an import writes as CSV behind `index` and `line`."""
        ...

    def check_map(self, said: str) -> None:
        """Raise Unprocessable for a `map` that cannot be."""
        ...

    def rank(self, names: Sequence[str], said: str | None) -> int:
        """Return how many names of a header are known; 0 for what cannot be one."""
        ...

    def understand(
        self, names: Sequence[str], sample: Sequence[Sequence[str]], said: str | None
    ) -> list[dict[str, Any]]:
        """Return what each column is: its `name`, the `field` that it fills, and what else `judge` needs to know.

        Raises Unprocessable where no row could be anything.
        """
        ...

    def judge(self, layout: Layout) -> Callable[[Record], Any]:
        """Return the judge of the records of a list that was understood so."""
        ...

    async def add(self, tx: Tx, imported: Row, rows: Sequence[Any], seen: Seen) -> Added:
        """Add rows that were judged. Whose key has been seen is the same list's, and was added with an earlier row.

        Raises Problem where nothing of the import can be added any more.
        """
        ...
