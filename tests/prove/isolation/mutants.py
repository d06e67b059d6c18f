"""Deliberate damage to the schema, each undone again. A proof that does not notice one of them proves nothing.

Each mutant is judged by the lint and by the probes of its tables, against what both said of the undamaged copy. One
kind must do no harm: a policy too many that lets every row pass, since the fences are restrictive.
"""

# ruff: noqa: S608  # the names in these statements come from the catalog or from this page

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from api.ops.isolation.arguments import Arguments
from api.ops.isolation.attackers import arena, few_attackers, forgers, insiders
from api.ops.isolation.catalog import Catalog, Relation, read_catalog
from api.ops.isolation.closed import probe_closed
from api.ops.isolation.doors import Stale, probe_doors
from api.ops.isolation.forgery import Forgery
from api.ops.isolation.functions import read_functions
from api.ops.isolation.inside import PARTS
from api.ops.isolation.lint import lint
from api.ops.isolation.oracles import Oracles, spread
from api.ops.isolation.probes import Matrix
from api.ops.isolation.report import Say, Section
from api.ops.isolation.stage import stage
from api.ops.isolation.targets import sample_rows
from tests.prove.isolation.ground import Ground, widen
from tests.prove.isolation.mutants_inside import Conn, Mutant, of_functions, of_triggers_and_grants, rewritten

SCOPE = "(select s.org_id, s.company_id from ctx.scope() as s)"
CONTEXT_TABLES = ("campaigns",)  # enough to tell whether a context can be forged


@dataclass
class Verdict:
    """Who noticed a mutant."""

    lint: list[str] = field(default_factory=list)
    probes: list[str] = field(default_factory=list)
    text: bool = False

    def wrong(self, mutant: Mutant) -> str | None:
        """Return what is wrong with it, or None."""
        if (mutant.harmless or mutant.fenced) and self.probes:
            return f"leaked: {self.probes[0]}"
        if mutant.harmless:
            return None
        if callable(mutant.damage) and mutant.by in PARTS and not self.text:
            return "did not change the hash of a text that is written down"
        return None if self.lint or self.probes else "survived"


# Damage to one table ------------------------------------------------------------------------------------------------


def of_tenant_table(relation: Relation) -> Iterator[Mutant]:
    """Yield what can be broken on any table of tenants."""
    table, org = f"outbound.{relation.name}", relation.org_column
    fence = f"alter policy tenant_fence on {table}"
    yield Mutant("fence dropped", relation.name, f"drop policy tenant_fence on {table}")
    yield Mutant("fence WITH CHECK (true)", relation.name, f"{fence} with check (true)")
    yield Mutant("fence USING (true)", relation.name, f"{fence} using (true)")
    yield Mutant("fence for one role only", relation.name, f"{fence} to outbound_org")
    yield Mutant(
        "fence permissive",
        relation.name,
        f"drop policy tenant_fence on {table}; create policy tenant_fence on {table} for all to public "
        f"using ({org} = (select ctx.org_id())) with check ({org} = (select ctx.org_id()))",
    )
    unsigned = "nullif(current_setting('app.org_id', true), '')::uuid"
    yield Mutant(
        "fence by the unsigned setting",
        relation.name,
        f"{fence} using ({org} = {unsigned}) with check ({org} = {unsigned})",
    )
    other = relation.company_column or org
    swapped = f"{other} = (select ctx.{'org_id' if relation.company_column else 'company_id'}())"
    yield Mutant("fence with swapped columns", relation.name, f"{fence} using ({swapped}) with check ({swapped})")
    yield Mutant("force dropped", relation.name, f"alter table {table} no force row level security")
    yield Mutant("row security disabled", relation.name, f"alter table {table} disable row level security")
    yield Mutant("truncate granted", relation.name, f"grant truncate on {table} to outbound_org", "lint")
    yield Mutant("granted to everybody", relation.name, f"grant select on {table} to public", "lint")
    column = "id" if "id" in relation.columns else relation.key[-1]
    index = f"create unique index across on {table} ({column}, created_at)"
    yield Mutant("unique index without org_id", relation.name, index, "oracles")
    view = f"create view dashboard.mutant as select * from {table}; alter view dashboard.mutant owner to outbound_owner"
    yield Mutant("view with its owner's rights", relation.name, view, "lint")
    child = f"create table outbound.mutant () inherits ({table}); alter table outbound.mutant owner to outbound_owner"
    yield Mutant("child without a fence", relation.name, child, "lint")
    logins = "outbound_org, outbound_company, outbound_worker, outbound_public, outbound_platform"
    extra = f"create policy extra on {table} for all to {logins} using (true) with check (true)"
    yield Mutant("a permissive policy too many", relation.name, extra, harmless=True)


def of_company_table(relation: Relation) -> Iterator[Mutant]:
    """Yield what can be broken on a table of companies besides."""
    table, company = f"outbound.{relation.name}", relation.company_column
    fence = f"alter policy company_fence on {table}"
    yield Mutant("company fence dropped", relation.name, f"drop policy company_fence on {table}")
    yield Mutant("company fence WITH CHECK (true)", relation.name, f"{fence} with check (true)")
    yield Mutant("company fence USING (true)", relation.name, f"{fence} using (true)")
    right = f"({company}, org_id) = {SCOPE}"
    yield Mutant("company fence with swapped columns", relation.name, f"{fence} using ({right}) with check ({right})")
    both = f"{fence} using (org_id = (select ctx.org_id())) with check (org_id = (select ctx.org_id()))"
    yield Mutant("company fence by organization", relation.name, both)


def of_keys(catalog: Catalog, relation: Relation) -> Iterator[Mutant]:
    """Yield references and unique indexes that cross the fence, and grants of columns that name a provider."""
    table = f"outbound.{relation.name}"
    for key in relation.foreign_keys:
        parent = catalog.relations[key.parent]
        if key.columns[:2] == ("org_id", "company_id") and len(key.columns) == 3:
            short = f"foreign key (org_id, {key.columns[2]}) references outbound.{parent.name} (org_id, id)"
            add = f"alter table {table} add constraint across {short}"
            yield Mutant(f"reference without the company by {key.columns[2]}", relation.name, add, "oracles")
    for unique in relation.uniques:
        rest = [column for column in unique.columns if column not in ("org_id", "company_id")]
        if not unique.primary and rest and rest != ["id"] and unique.columns[0] == "org_id":
            where = f" where {unique.predicate}" if unique.predicate else ""
            index = f"create unique index across on {table} ({', '.join(rest)}, id){where}"
            yield Mutant(f"{unique.name} without its organization", relation.name, index, "oracles")
    for column in ("provider", "account_id", "external_id", "connection_id", "credential"):
        if column in relation.columns:
            grant = f"grant select ({column}) on {table} to outbound_company"
            yield Mutant(f"{column} granted to companies", relation.name, grant, "lint")


# Damage to the context and to roles ---------------------------------------------------------------------------------


def of_context() -> Iterator[Mutant]:
    """Yield damage to what makes a context valid."""
    pieces = {
        "signature not compared": ("ctx.scope()", r"sha256\([^;]*?signature, 'UTF8'\)\)", "true"),
        "MAC without the backend": ("ctx.message(text,text,text,text)", r"pg_catalog\.pg_backend_pid\(\)::text", "'0'"),
        "MAC without the transaction's start": (
            "ctx.message(text,text,text,text)",
            r"\(extract\(epoch from pg_catalog\.transaction_timestamp\(\)\)[^)]*\)::bigint::text", "'0'",
        ),
        "MAC without the organization": ("ctx.message(text,text,text,text)", r"coalesce\(org, ''\)", "''"),
        "MAC without the company": ("ctx.message(text,text,text,text)", r"coalesce\(company, ''\)", "''"),
        "MAC without the user": ("ctx.message(text,text,text,text)", r"coalesce\(actor, ''\)", "''"),
        "MAC without the tier": ("ctx.message(text,text,text,text)", r"coalesce\(tier, ''\)", "''"),
        "ticket never expires": (
            "ctx.ticket_subject(text,text)", r"parts\[5\]::bigint < extract\([^;]*?\* 1000", "false",
        ),
        "ticket's signature not compared": (
            "ctx.ticket_subject(text,text)", r"and sha256\([^;]*?parts\[7\], 'UTF8'\)\)", "",
        ),
        "ticket of any kind": ("ctx.ticket_subject(text,text)", r"and parts\[2\] = wanted_kind", ""),
        "a door for any tier": ("ctx.open(text)", r"and c\.tier = wanted(_tier)?\b", ""),
        "a second context over the first": ("ctx.refuse_second_context()", r"is not null", "is null and false"),
    }  # fmt: skip
    for kind, (function, old, new) in pieces.items():
        yield Mutant(kind, function, rewritten(function, old, new), "context")


def of_catalog() -> Iterator[Mutant]:
    """Yield damage to functions, schemas and the database that the lint must see."""
    texts = {
        "definer without a pinned path": "alter function ctx.open(text) reset search_path",
        "a door for everybody": "grant execute on function ctx.open_job(text) to public",
        "a door for another role": "grant execute on function ctx.open_job(text) to outbound_company",
        "a definer nobody listed": "create function outbound.mutant() returns bigint language sql security definer "
        "set search_path = pg_catalog, pg_temp as 'select count(*) from outbound.leads'; "
        "alter function outbound.mutant() owner to outbound_owner",
        "a definer of a superuser's": "alter function ctx.open(text) owner to postgres",
        "a leakproof function": "alter function outbound.normalize_email(text) leakproof",
        "a volatile function in a fence": "alter function ctx.org_id() volatile",
        "a parallel safe function in a fence": "alter function ctx.scope() parallel safe",
        "keys readable": "grant select on ctx.keys to outbound_org",
        "temporary objects allowed": "do $$ begin execute format('grant temporary on database %I to outbound_org', "
        "current_database()); end $$",
        "objects may be made": "grant create on schema outbound to outbound_org",
        "a materialized view": "create materialized view dashboard.mutant as select * from outbound.leads",
        "a published table": "create publication mutant for table outbound.leads",
        "a table of a superuser's": "alter table outbound.leads owner to postgres",
        "a fence without its InitPlan": "alter policy tenant_fence on outbound.leads "
        "using (org_id = ctx.org_id()) with check (org_id = ctx.org_id())",
        "a policy that reads another table": "create policy mutant on outbound.leads for select to outbound_org "
        "using (exists (select from outbound.companies))",
    }
    for kind, text in texts.items():
        yield Mutant(kind, "catalog", text, "lint")


def of_roles() -> Iterator[Mutant]:
    """Yield damage to the login roles."""
    for tier in ("org", "company", "worker", "public", "platform"):
        role = f"outbound_{tier}"
        damage = {
            f"{role} bypasses row security": f"alter role {role} bypassrls",
            f"{role} is a member of the owner": f"grant outbound_owner to {role}",
        }
        for kind, text in damage.items():
            yield Mutant(kind, "leads", text, "roles")


def every_mutant(catalog: Catalog) -> list[Mutant]:
    """Return all of them, made from the tables there are."""
    made = [*of_context(), *of_catalog(), *of_roles(), *of_functions(), *of_triggers_and_grants()]
    for relation in catalog.tenant_relations:
        made += of_tenant_table(relation)
        made += of_company_table(relation) if relation.company_column else []
        made += of_keys(catalog, relation)
    return made


def some(mutants: list[Mutant], amount: int, seed: int) -> list[Mutant]:
    """Return a sample in which as many kinds as possible stand, the context's and the insides of functions first."""
    rng = random.Random(seed)
    shuffled = rng.sample(mutants, len(mutants))
    inside = [mutant for mutant in shuffled if mutant.by in PARTS]
    first = [*[mutant for mutant in shuffled if mutant.by == "context"][: amount // 8], *inside[: amount // 3]]
    kinds: dict[str, Mutant] = {}
    for mutant in shuffled:
        if mutant.by != "context" and mutant not in inside:
            kinds.setdefault(mutant.kind if mutant.relation in ("catalog", "leads") else mutant.kind.split()[0], mutant)
    return [*first, *rng.sample(list(kinds.values()), len(kinds))][:amount]


def _silent(line: str) -> None:
    """Say nothing."""


# The judging --------------------------------------------------------------------------------------------------------


class Court:
    """Judges mutants in transactions that are rolled back. Those of the context, whose probes need several backends,
    are committed in a copy of their own, and repaired.
    """

    def __init__(self, ground: Ground, section: Section, admin: Conn, wide: Conn) -> None:
        self.ground = ground
        self.section = section
        self.admin = admin
        self.wide = wide
        self.place = ground.place(admin.info.dbname)
        self.stale = Stale(self.place.tickets, ground.cast().own.subjects)
        self.known: dict[tuple[str, str], set[str]] = {}
        self.catalog = read_catalog(admin)
        self.rows = sample_rows(admin, self.catalog, ground.cast())
        spread(admin, self.catalog, self.rows)
        self.clean = {finding.rule + finding.object + finding.wrong for finding in lint(admin, read_catalog(admin))[1]}

    def judge(self, mutant: Mutant) -> Verdict:
        """Return who noticed a mutant."""
        with self.admin.transaction(force_rollback=True):
            self._damage(self.admin, mutant)
            verdict = Verdict(lint=self._linted())
            verdict.text = "function-text" in verdict.lint
            if mutant.by in PARTS and not mutant.fenced:
                verdict.lint = [rule for rule in verdict.lint if rule != "function-text"]
            if mutant.by not in ("lint", "context"):
                verdict.probes = self._probed(mutant).failures
        if mutant.by == "context":
            with self._committed(mutant):
                verdict.probes = self._forged().failures
        if verdict.probes and (mutant.harmless or mutant.fenced or not verdict.lint):
            known = self._known(mutant)  # what the probes say of the undamaged table is no proof, nor a leak
            verdict.probes = [text for text in verdict.probes if text not in known]
        return verdict

    def _linted(self) -> list[str]:
        found = [finding for finding in lint(self.admin, read_catalog(self.admin))[1] if not finding.warning]
        return [each.rule for each in found if each.rule + each.object + each.wrong not in self.clean]

    def _known(self, mutant: Mutant) -> set[str]:
        """Return what the probes say of the undamaged table."""
        whole = mutant.by == "context" or (mutant.by in PARTS and mutant.by != "arguments")
        key = ("", mutant.by) if whole else (mutant.relation, mutant.by)
        if key not in self.known:
            if mutant.by == "context":
                self.known[key] = set(self._forged().failures)
            else:
                with self.admin.transaction(force_rollback=True):
                    self.known[key] = set(self._probed(mutant).failures)
        return self.known[key]

    @staticmethod
    def _damage(conn: Conn, mutant: Mutant) -> None:
        if isinstance(mutant.damage, str):
            conn.execute(mutant.damage.encode())
        else:
            mutant.damage(conn)

    @contextmanager
    def _committed(self, mutant: Mutant) -> Iterator[None]:
        """Damage a function for every connection, and put its text back in the end."""
        row = self.wide.execute("select pg_get_functiondef(%s::regprocedure)", [mutant.relation]).fetchone()
        try:
            self._damage(self.wide, mutant)
            yield
        finally:
            self.wide.execute(str(row[0] if row else "").encode())

    def _forged(self) -> Section:
        section, cast = Section("mutant"), self.ground.cast()
        catalog = _narrow(read_catalog(self.wide), CONTEXT_TABLES)
        rows = sample_rows(self.wide, catalog, cast)
        with arena(self.ground.place(self.wide.info.dbname), cast) as made:
            probe_doors(made, section, self.stale)
            Forgery(made, catalog, rows, section, wide=True).run()
            forging = [each for tier in ("org", "company") for each in forgers(made, tier)]
            trying = [*forging, *insiders(made)]
            Matrix(made, catalog, rows, section, wide=True).run(catalog.tenant_relations, _silent, trying)
        return section

    def _inside(self, mutant: Mutant) -> Section:
        section = Section("mutant")
        arguments = Arguments(self.catalog, self.rows, self.ground.cast())
        functions = [each for each in read_functions(self.admin) if each.name == mutant.relation]
        with stage(self.admin, self.place, self.ground.cast()) as made:
            PARTS[mutant.by](made, arguments, section, functions)
        return section

    def _probed(self, mutant: Mutant) -> Section:
        if mutant.by in PARTS:
            return self._inside(mutant)
        section = Section("mutant")
        widen(self.admin, [mutant.relation])
        catalog = read_catalog(self.admin)
        narrow = _narrow(catalog, (mutant.relation,))
        rows = sample_rows(self.admin, catalog if mutant.by == "oracles" else narrow, self.ground.cast())
        section.failures += [text for text in rows.missing if text.split()[0] == mutant.relation]
        if mutant.by == "oracles":
            spread(self.admin, catalog, rows)
        with stage(self.admin, self.place, self.ground.cast()) as made:
            if mutant.by == "oracles":
                Oracles(made, catalog, rows, section, wide=True).run(narrow.tenant_relations)
            else:
                probe_closed(made, narrow, section) if mutant.by == "roles" else None
                trying = few_attackers(made)
                Matrix(made, narrow, rows, section, wide=True).run(narrow.tenant_relations, _silent, trying)
        return section

    def run(self, mutants: list[Mutant], say: Say) -> None:
        """Judge all of them, and note what survived."""
        for number, mutant in enumerate(mutants, start=1):
            verdict = self.judge(mutant)
            self.section.count(mutant.relation, "mutants")
            if wrong := verdict.wrong(mutant):
                self.section.fail(mutant.relation, f"{mutant.name} {wrong}", "survivors")
            elif mutant.harmless:
                self.section.counts["harmless"] += 1
            else:
                by = "by both" if verdict.lint and verdict.probes else "by lint" if verdict.lint else "by probes"
                self.section.counts[by] += 1
            if number % 25 == 0 or number == len(mutants):
                say(f"  {number:>3} of {len(mutants)} mutants, {self.section.counts['survivors']} survivors")


def _narrow(catalog: Catalog, tables: tuple[str, ...]) -> Catalog:
    return Catalog({name: catalog.relations[name] for name in tables}, catalog.grants, catalog.private)


@contextmanager
def court(ground: Ground, section: Section) -> Iterator[Court]:
    """Yield a court with two copies of the database to itself; in one of them every role was granted everything."""
    with (
        ground.copy() as first, ground.copy() as second,
        ground.as_superuser(first) as admin, ground.as_superuser(second) as wide,
    ):  # fmt: skip
        widen(wide, list(CONTEXT_TABLES))
        yield Court(ground, section, admin, wide)
