"""The catalog lint: what must be true of every table, policy, function and grant before a single row is read."""

from dataclasses import dataclass

from api.db.queries import Query, beside
from api.ops.isolation import fences, functions, grants, keys
from api.ops.isolation.catalog import REQUEST_ROLES, Catalog, Connection, allowed, ask
from api.ops.migrate import PATCHED_MINORS

SQL = beside(__file__, "lint.sql")


@dataclass(frozen=True)
class Finding:
    """One broken rule: which, where, what is wrong, and what to do. A warning does not fail the proof."""

    rule: str
    object: str
    wrong: str
    advice: str
    warning: bool = False

    def text(self) -> str:
        """Return it as one line."""
        return f"[{self.rule}] {self.object}: {self.wrong}. {self.advice}"


@dataclass(frozen=True)
class Rule:
    """A rule that one query judges: each row it returns is a finding."""

    name: str
    query: Query
    advice: str
    warning: bool = False


def rules() -> list[Rule]:
    """Return the rules that need nothing but a query."""
    return [
        Rule("row-security", SQL.unfenced_tables, "Call outbound.guard for the table."),
        Rule("policy-reads", SQL.policies_reading_tables, "Carry what it needs in the signed context."),
        Rule("policy-function", SQL.functions_of_policies, "Make it stable, parallel restricted, and pin its path."),
        Rule("owner", SQL.foreign_owners, "Create it under `set role outbound_owner`."),
        Rule("leakproof", SQL.leakproof_functions, "Mark it not leakproof; store a generated column instead."),
        Rule("unfenceable", SQL.unfenceable_relations, "Use a table with row level security or an invoker's view."),
        Rule("publication", SQL.published_tables, "Take it out of the publication."),
        Rule("extension", SQL.strange_extensions, "Drop it, or list it in allowed.json with a reason."),
        Rule("guarded-key", SQL.missing_guards, "Put the trigger back, or have no company role write the columns."),
        Rule("rule", SQL.rewritten_tables, "Drop the rule; use a trigger."),
    ]


def lint(conn: Connection, catalog: Catalog) -> tuple[int, list[Finding]]:
    """Return how many rules were applied, and everything that breaks one."""
    guards = allowed()["guarded_exceptions"]
    params = {
        "roles": list(REQUEST_ROLES),
        "known": list(allowed()["extensions"]),
        "guarded": list(guards),
        "triggers": list(guards.values()),
    }
    of_queries = [*rules(), *(Rule(*parts) for parts in (*grants.rules(), *functions.rules()))]
    findings = [
        Finding(rule.name, row["object"], row["wrong"], rule.advice, rule.warning)
        for rule in of_queries
        for row in ask(conn, rule.query, params)
    ]
    broken = [
        *fences.judge(catalog, ask(conn, SQL.policies)),
        *keys.judge(catalog),
        *grants.judge(conn),
        *functions.judge(conn),
    ]
    findings += [Finding(*parts) for parts in broken]
    findings += _judge_version(conn)
    judged = sum(len(page.RULES) for page in (fences, keys, grants, functions))
    return len(of_queries) + judged + 1, findings


def _judge_version(conn: Connection) -> list[Finding]:
    version = conn.info.server_version
    wanted = PATCHED_MINORS.get(version // 10000, 0)
    if version >= wanted:
        return []
    wrong = f"is {conn.info.parameter_status('server_version')}, older than {wanted // 10000}.{wanted % 10000}"
    advice = "Update it: from that minor on, known ways around row level security are closed."
    return [Finding("server-version", "Postgres", wrong, advice, warning=True)]
