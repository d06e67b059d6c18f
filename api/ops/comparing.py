"""What the pages of `supabase/policies` say against what stands: asks only, writes nothing, locks no other table.

`outbound migrate` brings in what differs (`policies.py`), `outbound doctor` names it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from api.db.queries import read
from api.ops.pages import DUE, FENCES, REVOKE, PageError, Statement, made_by_migrations, sha256, statements
from api.ops.standing import RIGHTS, SQL, Catalog, Connection, Key, Standing

ALL_DUE: Key = ("view", "jobs.due")
KINDS = ("policy", "trigger", "view", "function")  # what is without a home goes in this order


@dataclass(frozen=True)
class Part:
    """One thing to do at a table: make this (`sql`), or take it away. `stands`: one of the name is there already."""

    key: Key
    sql: str | None
    stands: bool


@dataclass(frozen=True)
class Difference:
    """An object that is not what a page says. `how`: `not applied`, `changed` by hand since, `homeless` where no
    page makes it, `guard` where what no page makes is never dropped, or `stranger` where it is not even ours."""

    how: str
    name: str


class Comparison:
    """The pages beside one database. `known` is what they make, as far as it was looked at: the rest has no home."""

    def __init__(self, conn: Connection, root: Path) -> None:
        self.statements = statements(root)
        self.catalog = Catalog(conn)
        self.known: set[Key] = set()
        self._root = root
        self._fences = read(root / "policies" / FENCES)
        self._in_migrations = made_by_migrations(root)

    def unfenced(self) -> list[str]:
        """Return the tables on which row level security is not on and forced."""
        return [row["name"] for row in self.catalog.ask(self._fences.unfenced_tables)]

    def strangers(self) -> list[tuple[str, str]]:
        """Return what stands in our schemas and has another owner than ours, each with that owner."""
        return [(row["name"], row["owner"]) for row in self.catalog.ask(SQL.strangers)]

    def objects(self, kind: str) -> list[tuple[Statement, Key | None]]:
        """Return what makes the functions or the views, each with the object if that stands as the page says."""
        standing = self.catalog.standing()
        sources = {row["source_sha256"]: key for key, row in self.catalog.records.items() if key[0] == kind}
        found: list[tuple[Statement, Key | None]] = []
        for statement in (each for each in self.statements if each.kind == kind):
            key = sources.get(statement.sha256)
            stands = key is not None and self.catalog.stands(key, statement.sha256, standing)
            found.append((statement, key if stands else None))
        return found

    def due(self) -> list[str]:
        """Return what makes the view of all due views, where it is not that yet."""
        standing = self.catalog.standing()
        wanted = self.catalog.ask(read(self._root / "policies" / DUE).wanted_views)
        texts = [str(row["statement"]) for row in wanted]
        return [text for text in texts if not self.catalog.stands(ALL_DUE, sha256(text), standing)]

    def grants(self) -> list[str]:
        """Return the script that takes every right back, and behind it every grant."""
        script = (self._root / "policies" / REVOKE).read_text(encoding="utf-8")
        return [script, *(each.sql for each in self.statements if each.kind == "grant")]

    def rights_source(self) -> str:
        """Return the hash of everything that says who holds what."""
        return sha256("\n".join(self.grants()))

    def tables(self) -> dict[str, list[Part]]:
        """Return what there is to do at each table: triggers and policies that differ, and those without a home. Raises
        PageError where two pages make the same."""
        standing = self.catalog.standing()
        todo: dict[str, list[Part]] = {}
        triggers = [each for each in self.statements if each.kind == "trigger"]
        wanted = [("trigger", each.name, each.sql) for each in triggers]
        wanted += [("policy", row["name"], row["statement"]) for row in self.catalog.ask(self._fences.wanted_policies)]
        for kind, name, sql in wanted:
            key: Key = (kind, name)
            if key in self.known:
                raise PageError(f"{kind} {name} is made by two pages, or twice on one")
            self.known.add(key)
            if not self.catalog.stands(key, sha256(sql), standing):
                todo.setdefault(name.rpartition(" on ")[2], []).append(Part(key, sql, key in standing))
        for (kind, name), now in self.without_home(("policy", "trigger")):
            if not now.guard:
                todo.setdefault(name.rpartition(" on ")[2], []).append(Part((kind, name), None, True))
        return todo

    def without_home(self, kinds: Sequence[str]) -> list[tuple[Key, Standing]]:
        """Return what stands and no file makes, in the order of the kinds."""
        return [
            (key, now)
            for key, now in sorted(self.catalog.standing().items(), key=lambda item: KINDS.index(item[0][0]))
            if key[0] in kinds and key not in self.known
            and key[1].split("(")[0] not in self._in_migrations and not key[1].startswith("touch on ")
        ]  # fmt: skip

    def guards(self, kinds: Sequence[str]) -> list[Key]:
        """Return what of that is never dropped because a file lacks it."""
        return [key for key, now in self.without_home(kinds) if now.guard]


def differences(conn: Connection, root: Path) -> list[Difference]:
    """Return every object that is not what a page says. The caller has opened a transaction as outbound_owner, with
    `search_path` at `pg_catalog, pg_temp`. Raises PageError where the pages themselves are wrong."""
    pages = Comparison(conn, root)
    pages.catalog.read_records()
    changed = list(_changed(pages))
    homeless = [
        Difference("guard" if now.guard else "homeless", f"{kind} {name}")
        for (kind, name), now in pages.without_home(KINDS)
    ]
    strangers = [Difference("stranger", f"{name} of {owner}") for name, owner in pages.strangers()]
    return [*changed, *homeless, *strangers]


def _changed(pages: Comparison) -> Iterator[Difference]:
    """Yield what the pages make and what does not stand so, and have them know what they make."""
    catalog, standing = pages.catalog, pages.catalog.standing()
    sources = {row["source_sha256"] for row in catalog.records.values()}
    for kind in ("function", "view"):
        for statement, key in pages.objects(kind):
            of_the_name = {each for each in standing if each[0] == kind and each[1].split("(")[0] == statement.name}
            pages.known |= of_the_name if key is None else {key}
            if key is None:
                yield Difference(_how(statement.sha256 in sources), f"{kind} {statement.name}")
    pages.known.add(ALL_DUE)
    for text in pages.due():
        yield Difference(_how(sha256(text) in sources), " ".join(ALL_DUE))
    if not catalog.stands(RIGHTS, pages.rights_source(), {}):
        yield Difference(_how(pages.rights_source() in sources), "what the roles hold")
    made = [part for parts in pages.tables().values() for part in parts if part.sql is not None]
    for part in made:
        noted = catalog.records.get(part.key, {}).get("source_sha256") == sha256(part.sql or "")
        yield Difference(_how(noted), " ".join(part.key))


def _how(noted: bool) -> str:
    return "changed" if noted else "not applied"
