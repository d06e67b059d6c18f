"""The proof as a command: against a deployment, only what cannot hurt it. Every probe is rolled back."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

import psycopg

from api.access.vault import Vault
from api.db.ticket import Tickets
from api.ops.isolation.actors import OWNER, CannotProveError, Cast, Place, Tenant, become_owner, one
from api.ops.isolation.attackers import Arena, arena, few_attackers
from api.ops.isolation.catalog import Catalog, Connection, read_catalog
from api.ops.isolation.closed import probe_closed
from api.ops.isolation.doors import Stale, probe_doors
from api.ops.isolation.forgery import Forgery
from api.ops.isolation.functions import read_functions
from api.ops.isolation.inside import answers_section
from api.ops.isolation.lint import lint
from api.ops.isolation.oracles import Oracles
from api.ops.isolation.probes import Matrix
from api.ops.isolation.report import Report, Say, Section
from api.ops.isolation.targets import Rows, sample_rows
from api.ops.isolation.timing import timed
from api.settings import Settings

SCRATCH_ONLY = (
    "mutants: they damage a schema, so they run in copies only (`make prove ONLY=isolation`)",
    "the matrix with every grant given to every role: it changes grants, so it runs in copies only",
    "own writes, walls, documents for doors, dead credentials and the census of all rows: they need a superuser who is "
    "every role in turn, so they run in copies only",
    "pool bleed: it commits transactions, so it runs in copies only",
)


def lint_section(conn: Connection, catalog: Catalog) -> Section:
    """Return the lint as a section of a report."""
    with timed(Section("Catalog lint")) as section:
        rules, findings = lint(conn, catalog)
        section.counts["rules"] = rules
        section.counts["findings"] = sum(not finding.warning for finding in findings)
        for finding in findings:
            (section.notes if finding.warning else section.failures).append(finding.text())
    return section


def probe_sections(
    arena: Arena, catalog: Catalog, rows: Rows, say: Say, *, wide: bool, stale: Stale | None, few: bool = False
) -> list[Section]:
    """Return every section of probes that runs in any database; the doors only where stale tickets are given.

    `few` leaves the matrix to those attackers who differ by table; the forged contexts are tried on all in any case.
    """
    grants = "every grant given" if wide else "grants as they are"
    relations = catalog.tenant_relations
    with timed(Section(f"Matrix, {grants}")) as matrix:
        Matrix(arena, catalog, rows, matrix, wide=wide).run(relations, say, few_attackers(arena) if few else None)
    with timed(Section(f"Existence oracles, {grants}")) as oracles:
        Oracles(arena, catalog, rows, oracles, wide=wide).run(relations)
    with timed(Section(f"Forged contexts, {grants}")) as forged:
        Forgery(arena, catalog, rows, forged, wide=wide).run()
    sections = [matrix, oracles, forged]
    if stale is not None:
        with timed(Section("Doors, and what is shut to everybody")) as doors:
            probe_doors(arena, doors, stale)
            probe_closed(arena, catalog, doors)
        sections.append(doors)
    return sections


def prove_deployment(
    database_urls: Mapping[str, str],
    settings: Settings,
    *,
    org_tokens: Sequence[str],
    company_tokens: Sequence[str],
    report: Path,
    api_url: str | None = None,
    seed: int | None = None,
    say: Say = print,
    sections: Sequence[Callable[[], Section]] = (),
) -> int:
    """Prove what may be proven of a running deployment and write the report; 0 when nothing failed.

    `database_urls` holds an address for each login role (org, company, worker, public, platform, as far as there is
    one) and under `owner` one of a member of outbound_owner, such as the migrator's. `org_tokens` are of two
    organizations; the first company token is of the first one. `sections` are further proofs, such as those over HTTP.
    Raises CannotProveError when an address or a token is missing.
    """
    seed = secrets.randbelow(1_000_000) + 1 if seed is None else seed
    place = Place(database_urls, Tickets.from_settings(settings))
    if OWNER not in database_urls:
        raise CannotProveError("an address of a member of outbound_owner is needed, such as the migrator's")
    with place.connect(OWNER) as conn:
        cast = find_cast(place, conn, Vault.from_settings(settings), org_tokens, company_tokens)
        stale = Stale(place.tickets, {tier: cast.own.subjects[tier] for tier in cast.own.subjects})
        catalog = read_catalog(conn)
        rows = sample_rows(conn, catalog, cast)
        done = [lint_section(conn, catalog)]
        with arena(place, cast) as made:
            done += probe_sections(made, catalog, rows, say, wide=False, stale=stale)
            done.append(answers_section(made, catalog, rows, read_functions(conn)))
        postgres = conn.info.parameter_status("server_version") or ""
    done += [section() for section in sections]
    done.append(Section("What did not run", not_run=_left_out(place, cast, rows, api_url if not sections else "given")))
    return finish(Report(done, seed, postgres), report, say)


def finish(report: Report, folder: Path | None, say: Say) -> int:
    """Write a report, say its failures and its last line, and return the exit code."""
    if folder is not None:
        report.write(folder)
        say(f"the report is in {folder}")
    for section in report.sections:
        for text in section.failures[:20]:
            say(f"  FAILED {section.name}: {text}")
        if len(section.failures) > 20:
            say(f"  FAILED {section.name}: {len(section.failures) - 20} more, see the report")
    say(report.last_line())
    return 0 if report.proven else 1


def find_cast(
    place: Place, owner: Connection, vault: Vault, org_tokens: Sequence[str], company_tokens: Sequence[str]
) -> Cast:
    """Learn from the database itself whose tokens these are, and look for another company of the first one. Raises
    CannotProveError when they are not of two organizations and of a company of the first."""
    hmacs = [vault.token_hmac(token).hex() for token in (*org_tokens[:2], *company_tokens[:2])]
    if len(hmacs) != 4:
        raise CannotProveError("two tokens of organizations and two of companies are needed")
    first, second = (_opened(place, "org", hmac)[0] for hmac in hmacs[:2])
    companies = [(*_opened(place, "company", hmac), hmac) for hmac in hmacs[2:]]
    if first == second:
        raise CannotProveError("the two organization tokens are of the same organization")
    own = next((each for each in companies if each[0] == first), None)
    if own is None:
        raise CannotProveError("one of the company tokens must be of the first organization")
    subjects = {"org": hmacs[0], "company": own[2], "worker": str(first), "platform": f"operator.{first}"}
    of_second = next((each for each in companies if each[0] == second), None)
    theirs = {"org": hmacs[1], "worker": str(second)}
    foreign = of_second[1] if of_second else _some_company(owner, Tenant("foreign", second, None), None)
    sister = _some_company(owner, Tenant("own", first, None), own[1])
    return Cast(
        Tenant("own", first, own[1], subjects),
        Tenant("sister", first, sister, {}) if sister else None,
        Tenant("foreign", second, foreign, {**theirs, "company": of_second[2]} if of_second else theirs),
    )


def _opened(place: Place, tier: str, hmac: str) -> tuple[UUID, UUID | None]:
    asker = Tenant("asker", UUID(int=0), None, {tier: hmac})
    try:
        with place.connect(tier) as conn, place.acting(conn, tier, asker):
            row = conn.execute(b"select s.org_id, s.company_id from ctx.scope() as s").fetchone()
    except psycopg.Error as error:
        raise CannotProveError(f"a token of tier {tier} does not open: {error}") from error
    if row is None or row[0] is None:
        raise CannotProveError(f"a token of tier {tier} opens no context")
    return row[0], row[1]


def _some_company(owner: Connection, tenant: Tenant, other_than: UUID | None) -> UUID | None:
    with owner.transaction(force_rollback=True):
        become_owner(owner, tenant)
        statement = (
            b"select c.id from outbound.companies as c where c.org_id = %s and c.id is distinct from %s "
            b"and c.deleted_at is null order by c.id limit 1"
        )
        return one(owner, statement, [tenant.org_id, other_than])


def _left_out(place: Place, cast: Cast, rows: Rows, api_url: str | None) -> list[str]:
    texts = [*SCRATCH_ONLY]
    if api_url is None:
        texts.append("probes over HTTP: no address of the API was given")
    if cast.sister is None:
        texts.append("other company of the same organization: there is only one")
    texts += [f"login role of {tier}: no address was given" for tier in _absent(place)]
    return [*texts, *(f"{text}, so nothing of it was tried" for text in rows.missing)]


def _absent(place: Place) -> list[str]:
    return [tier for tier in ("org", "company", "worker", "public", "platform") if tier not in place.urls]
