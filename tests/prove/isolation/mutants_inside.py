"""Deliberate damage inside functions, to triggers and to grants: what a name, an owner and a fence do not show.

Every change of a text is red by its hash. That is not counted here: the probes must notice each mutant without it, but
for the few that a fence makes harmless (`fenced`), which nothing but the hash can notice.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg

Conn = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True)
class Mutant:
    """One piece of damage, and who must notice it besides the lint. `harmless` must not lead to a leak.

    `fenced` does no harm either, since another wall stands behind it, but the hash of the function's text must notice.
    """

    kind: str
    relation: str
    damage: str | Callable[[Conn], None]
    by: str = "matrix"
    harmless: bool = False
    fenced: bool = False

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.kind} ({self.relation})"


def rewritten(function: str, old: str, new: str) -> Callable[[Conn], None]:
    """Return damage that replaces a piece of a function's text. The piece must be there."""

    def damage(conn: Conn) -> None:
        row = conn.execute("select pg_get_functiondef(%s::regprocedure)", [function]).fetchone()
        text = str(row[0]) if row else ""
        changed, times = re.subn(old, new, text)
        if not times:
            raise AssertionError(f"{function} has no {old!r} any more: this mutant must be written anew")
        conn.execute(changed.encode())

    return damage


COMPANY_OF = r"case when s\.tier = 'company' then s\.company_id else company end"
AND_COMPANY = r"and \(company is null or {}\.company_id = company\)"
CONNECTION_NAMED = "(select k.{} from outbound.connections as k where k.id = g.webhook_id)"
NEW_LINK = "ctx.new_link(uuid,bytea,timestamp with time zone)"
NOTE_WRITE = "ctx.note_write(text,jsonb,text,uuid)"
SUPPRESSED_AMONG = "outbound.suppressed_among(uuid,text[])"
PAUSE = "outbound.pause_campaigns(uuid,uuid,text,text)"
IS_SUPPRESSED = "outbound.is_suppressed(uuid,uuid,text,text,text)"
MARK = "outbound.mark_enrolments(uuid,uuid[],bigint,integer)"
TO_MARK = "outbound.entries_to_mark(uuid,uuid[],bigint)"
ERASE = "outbound.erase_tenant(uuid,integer)"
PARENTS_CLOSED = "ctx.parents_closed(uuid,uuid,uuid)"
WEBHOOK = "ctx.accept_webhooks(uuid[],bytea[],bytea[])"

Piece = tuple[str, str, str]

DEFINERS: dict[str, Piece] = {
    "a link for another company's person": (
        NEW_LINK, r"\(asker\.tier = 'org' or u\.company_id = asker\.company_id\)", "true",
    ),
    "waking trusts its argument": (
        "jobs.wake(uuid,boolean)", r"if scope\.tier = 'company' then\s+company := scope\.company_id;\s+end if;", "",
    ),
    "features of whoever is named": ("outbound.features_of(uuid,text)", COMPANY_OF, "company"),
    "another company's list is asked": (SUPPRESSED_AMONG, COMPANY_OF, "company"),
    "every company's list is asked": (
        SUPPRESSED_AMONG, r"and \(s\.company_id is null or s\.company_id = [^)]*\)\)", "",
    ),
    "a line in whose log one likes": (
        NOTE_WRITE, r"select s\.org_id, s\.company_id,",
        "select s.org_id, coalesce((target ->> 'company_id')::uuid, s.company_id),",
    ),
    "organizations are listed for anybody": (
        "ctx.list_tenants(uuid,integer)", r"if \(select s\.tier[\s\S]*?end if;", "",
    ),
    "a webhook for whose connection one likes": (
        WEBHOOK, r"select scope\.org_id, scope\.company_id, scope\.user_id,",
        f"select scope.org_id, coalesce({CONNECTION_NAMED.format('company_id')}, scope.company_id), "
        f"coalesce({CONNECTION_NAMED.format('id')}, scope.user_id),",
    ),
    "the brake stops every company": (
        "ctx.stop(uuid)", r"pause_campaigns\(asker\.org_id, company,", "pause_campaigns(asker.org_id, null,",
    ),
}  # fmt: skip

WRITES: dict[str, Piece] = {
    "a neighbour's lead is unsubscribed": (
        "outbound.unsubscribe(uuid)", r"and \(c\.tier <> 'company' or c\.company_id = l\.company_id\)", "",
    ),
    "pausing ignores the company": (PAUSE, AND_COMPANY.format("c"), ""),
    "deleting a company closes every connection": ("outbound.close_tenant()", AND_COMPANY.format("k"), ""),
    "disconnecting turns every entitlement": (
        "outbound.close_connection()", r"and e\.company_id = new\.company_id", "",
    ),
}  # fmt: skip

WALLS: dict[str, Piece] = {
    "reconnecting starts everybody's campaigns": (
        "outbound.turn_entitlement()", r"and c\.company_id = new\.company_id", "",
    ),
    "any row is one of the organization's own": ("outbound.check_own_level()", "if not known then", "if false then"),
    "a company's row is one of the organization's own": (
        "outbound.check_own_level()", r" and p\.company_id is null", "",
    ),
    "an active tenant is erased": (
        ERASE, r"if not exists \(\s+select from outbound\.organizations as o[\s\S]*?return 0;\s+end if;", "",
    ),
    "erasing one company takes all": (ERASE, r"else '[tu]\.company_id = \$2' end", "else 'true' end"),
    "another company's list holds people back": (
        IS_SUPPRESSED, r"\(s\.company_id = company or s\.company_id is null\)", "true",
    ),
    "the platform's list holds nobody back": (IS_SUPPRESSED, r"\) or exists \([\s\S]*?\n  \)", ")"),
    "an entry is marked in all companies": (TO_MARK, r"select s\.company_id, s\.kind", "select null::uuid, s.kind"),
    "marking ignores the company": (MARK, r"where t\.company_id is null", ""),
    "the platform's list marks nobody": (TO_MARK, r"p\.number <= platform_to", "false"),
    "companies say that somebody unsubscribed": (
        "outbound.refuse_source()", r"if new\.source", "if false and new.source",
    ),
    "an answer to a suppressed person": (
        "outbound.refuse_suppressed_message()", r"new\.state := 'failed';", "",
    ),
    "a campaign of a closed tenant starts": (
        "outbound.refuse_closed_start()", r"if ctx\.parents_closed\(", "if false and ctx.parents_closed(",
    ),
    "a child of a deleted parent": ("outbound.refuse_deleted_parent()", "if gone then", "if false then"),
    "an invited person is made an account": (
        "outbound.keep_invited()", r"elsif old\.status", "elsif false and old.status",
    ),
    "a link for whoever comes first": (NEW_LINK, r"and u\.id = person ", ""),
    "a link for a service": (NEW_LINK, r"and u\.kind = 'person' ", ""),
    "everybody's accounts are woken": ("jobs.wake(uuid,boolean)", r"and c\.company_id = company", ""),
    "a suspended neighbour closes everybody": (PARENTS_CLOSED, r"and c\.id = company ", ""),
    "a taken hash ends another's token": ("ctx.put_credential(ctx.credentials)", r"and c\.id = excluded\.id", ""),
    "one company's end is every company's": (
        ERASE, r"c\.org_id = org and c\.id = subject and c\.deleted", "c.org_id = org and c.deleted",
    ),
    "one company's end frees everybody's senders": (ERASE, r"and s\.assigned_to = subject", ""),
    "a neighbour of the deleted is erased": (
        ERASE, r"c\.org_id = org and c\.id = subject and c\.status", "c.org_id = org and c.status",
    ),
    "lists take no locks": (
        "outbound.lock_do_not_contact()", r"pg_advisory_xact_lock(_shared)?\(hashtextextended", "abs(hashtextextended",
    ),
}  # fmt: skip

TICKETS: dict[str, Piece] = {
    "a link ends everybody's sessions": ("ctx.use_link(text)", r"and s\.user_id = link\.user_id", ""),
    "a login without the password": (
        "ctx.finish_login(text)", r"and u\.password_hash = asked ->> 'password_hash'", "",
    ),
    "a revoked session is refreshed": ("ctx.refresh_session(text)", r"session\.revoked_at is not null or ", ""),
    "whoever has the password is whom one asks for": (
        "ctx.finish_login(text)", r"and u\.id = person and u\.status", "and u.status",
    ),
    "a login of a closed company": (
        "ctx.finish_login(text)", r"and not ctx\.parents_closed\(org, u\.company_id, person\)", "",
    ),
    "a login of a suspended person": ("ctx.begin_login(text)", r"and u\.status = 'active' ", ""),
    "a login of a suspended organization": ("ctx.begin_login(text)", r"and t\.status = 'active' ", ""),
    "a refreshed session of a closed company": (
        "ctx.refresh_session(text)", r"or ctx\.parents_closed\([^)]*\)", "",
    ),
    "an expired refresh token": ("ctx.refresh_session(text)", r" or known\.expires_at <= now\(\)", ""),
    "a closed link sets a password": ("ctx.use_link(text)", r" and c\.closed_at is null", ""),
    "a suspended person sets a password": ("ctx.use_link(text)", r"and u\.status <> 'suspended' ", ""),
    "any credential is a link": ("ctx.link_lives(text)", r"and c\.kind = 'link'", ""),
}  # fmt: skip

DOORS: dict[str, Piece] = {
    "a closed credential opens": ("ctx.open(text)", r"and c\.closed_at is null", ""),
    "an expired credential opens": ("ctx.open(text)", r"and \(c\.expires_at is null or [^)]*\(\)\)", ""),
    "a closed token of the operator opens": ("ctx.open_platform(text)", r" and c\.closed_at is null", ""),
    "a deleted organization is worked for": ("ctx.open_job(text)", r" and t\.deleted_at is null", ""),
    "a retired context key holds": ("ctx.scope()", r" and k\.retired_at is null", ""),
    "a retired ticket key opens": ("ctx.ticket_subject(text,text)", r" and k\.retired_at is null", ""),
    "a closed company's people act": (
        PARENTS_CLOSED, r"exists \(\s+select from outbound\.companies as c[\s\S]*?\) or exists \(", "exists (",
    ),
    "a revoked token opens": ("ctx.sync_token_credential()", r"new\.revoked_at, ", ""),
}  # fmt: skip

CLAIMS, HOOK = "ctx.dashboard_claims()", "ctx.pre_request()"
DASHBOARDS: dict[str, Piece] = {
    "claims without a signature": (
        CLAIMS, r"'UTF8'\)\) = sha256\(convert_to\(parts\[2\], 'UTF8'\)\)", "'UTF8')) is not null",
    ),
    "scopes that nobody signed": (
        CLAIMS, r"coalesce\(claims ->> 'scope', ''\)", "''",
    ),
    "a token that has ended": (CLAIMS, r"and \(claims ->> 'exp'\)::bigint \+ 5 > extract\([^)]*\(\)\)", ""),
    "a token that lives too long": (CLAIMS, r"between 1 and 3600", "> 0"),
    "a token of another use": (CLAIMS, r"claims ->> 'token_use' = 'access' and ", ""),
    "a token without an issuer": (CLAIMS, r"and claims ->> 'iss' <> ''", ""),
    "a closed credential's dashboard": (HOOK, r"and c\.closed_at is null", ""),
    "an expired credential's dashboard": (HOOK, r"and \(c\.expires_at is null or [^)]*\(\)\)", ""),
    "a company's token as the organization": (HOOK, r" and c\.tier = wanted_tier", ""),
    "dashboards without the permission": (HOOK, r"'dashboards:read' = any\(claimed\.scopes\) and ", ""),
    "dashboards of who lost the permission": (
        HOOK, r" and 'dashboards:read' = any\(ctx\.permissions\(known\.role, known\.scopes\)\)", "",
    ),
    "conversations for whoever asks": (
        "ctx.dashboard_may(text)", r"return exists", "return true or exists",
    ),
}  # fmt: skip

FENCED: dict[str, Piece] = {
    "a link without its organization's check": (NEW_LINK, r"u\.org_id = asker\.org_id and ", ""),
    "a webhook without its tier's check": (WEBHOOK, r"if scope\.tier is distinct from 'hook' then", "if false then"),
    "a login without its organization's check": ("ctx.begin_login(text)", r"u\.org_id = begin_login\.org_id and ", ""),
    "features without their organization's check": (
        "outbound.features_of(uuid,text)", r"e\.org_id = s\.org_id and ", "",
    ),
    "marking without its organization's check": (TO_MARK, r"s\.org_id = org and ", ""),
    "a token for the other role": (CLAIMS, r"and claims ->> 'role' = current_setting\('role'\)", ""),
    "the brake without its tier's check": ("ctx.stop(uuid)", r"asker\.tier is distinct from 'platform' or ", ""),
}  # fmt: skip

TRIGGERS = {
    "credentials outlive a company": ("drop trigger sync_credentials on outbound.companies", "doors"),
    "handing over asks no list": ("drop trigger b_refuse_suppressed on outbound.campaign_leads", "walls"),
    "handing over asks a list now and then": (
        "create or replace trigger b_refuse_suppressed before update of push_state on outbound.campaign_leads "
        "for each row when (new.push_state = 'sending' and old.push_state = 'uncertain') "
        "execute function outbound.refuse_suppressed()", "walls",
    ),
    "starting is a trigger's that is off": ("alter table outbound.campaigns disable trigger refuse_closed", "walls"),
    "arrows are a trigger's of replicas": (
        "alter table outbound.campaign_leads enable replica trigger c_turns", "walls",
    ),
    "the operator's tokens without their fence": ("drop policy operator_fence on outbound.platform_tokens", "walls"),
    "the platform's list without its fence": ("drop policy operator_fence on outbound.platform_suppressions", "walls"),
    "the platform's list closed to the walls": (
        "alter policy operator_fence on outbound.platform_suppressions to public", "walls",
    ),
    "who pauses may be called": (
        "grant execute on function outbound.pause_campaigns(uuid, uuid, text, text) to outbound_company", "arguments",
    ),
}  # fmt: skip

LINTED = {
    "references are not looked at": "alter table outbound.leads disable trigger all",
    "a trigger nobody listed": "create trigger mutant after insert on outbound.leads for each row "
    "execute function outbound.touch()",
    "password hashes to companies": "grant select (password_hash) on outbound.users to outbound_company",
    "keys to partners": "grant select (credential) on outbound.connections to outbound_org",
    "hook tokens to partners": "grant select (hook_token) on outbound.connections to outbound_org",
    "tokens' hashes to partners": "grant select (hmac) on outbound.api_tokens to outbound_org",
    "companies write the ledger": "grant update (push_state) on outbound.campaign_leads to outbound_company",
    "companies change a suppression's source": "grant update (source) on outbound.suppressions to outbound_company",
    "partners turn their own organization": "grant update (status) on outbound.organizations to outbound_org",
    "companies delete their log": "grant delete on outbound.audit_log to outbound_company",
    "tries at passwords are readable": "grant select on ctx.login_buckets to outbound_public",
    "a company fence lets what is nobody's through": "alter policy company_fence on outbound.suppressions using "
    "(company_id is null or (org_id, company_id) = (select s.org_id, s.company_id from ctx.scope() as s))",
    "a reference without its company": "alter table outbound.campaign_leads drop constraint campaign_leads_lead; "
    "alter table outbound.campaign_leads add constraint campaign_leads_lead "
    "foreign key (org_id, lead_id) references outbound.leads (org_id, id)",
}  # fmt: skip


def of_functions() -> Iterator[Mutant]:
    """Yield damage to what functions say."""
    for by, pieces in (
        ("arguments", DEFINERS), ("writes", WRITES), ("walls", WALLS), ("tickets", TICKETS), ("doors", DOORS),
        ("dashboards", DASHBOARDS),
    ):  # fmt: skip
        for kind, (function, old, new) in pieces.items():
            yield Mutant(kind, function, rewritten(function, old, new), by)
    for kind, (function, old, new) in FENCED.items():
        by = "tickets" if "login" in function else "arguments"
        yield Mutant(kind, function, rewritten(function, old, new), by, fenced=True)


def of_triggers_and_grants() -> Iterator[Mutant]:
    """Yield damage to triggers and to rights."""
    for kind, (text, by) in TRIGGERS.items():
        yield Mutant(kind, "outbound.pause_campaigns(uuid,uuid,text,text)" if by == "arguments" else by, text, by)
    for kind, text in LINTED.items():
        yield Mutant(kind, "rights", text, "lint")
