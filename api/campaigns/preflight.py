"""What stands against starting a campaign, and what a sender should know before: pure judgement of what was read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from api.db.pool import Row
from providers.markup import nodes_of, parsed
from providers.models import Step
from providers.templates import Variable, foreign_signs, pieces, uses
from providers.zones import Hours, kept, nearest

MISSING = {
    "sequence": ("/sequence", "sequence_missing", "a sequence"),
    "senders": ("/senders", "senders_missing", "an active sender"),
    "leads": ("/leads", "leads_missing", "a lead"),
    "connection": ("/capability", "capability_not_connected", "a connected capability"),
}
CONTENT = ("sequence", "senders")  # what a managed campaign has where it was made
LINK = "unsubscribe_link"
FEW = 0.05  # the share of people who may lack a value without a word
BULK_DAILY = 4_000  # near the 5,000 mails a day above which Gmail and Outlook have rules for bulk senders
AUTH = {
    "spf": "SPF record (TXT, v=spf1)", "dkim": "DKIM key under a common selector",
    "dmarc": "DMARC record (TXT at _dmarc, v=DMARC1)",
}  # fmt: skip
FREE_NOTE = 200  # characters of an invitation's note that a free seat may send
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or might be; `detail` says what to do."""

    code: str
    pointer: str
    detail: str


def missing(campaign: Row, ready: Row) -> list[Finding]:
    """Return what a campaign has not got of what it needs to start."""
    needed = [name for name in MISSING if not (campaign["managed"] and name in CONTENT)]
    return [
        Finding(code, pointer, f"The campaign still needs {words}.")
        for name in needed
        if not ready[name]
        for pointer, code, words in [MISSING[name]]
    ]


def errors(campaign: Row, steps: Sequence[Step]) -> Iterator[Finding]:
    """Yield what must be mended before a campaign starts. `steps` are as they are sent."""
    if campaign["managed"]:
        return
    yield from _signs(steps)
    yield from zone(campaign)
    if campaign["capability"] != "email_outreach" or not steps:
        return
    if campaign["unsubscribe"] == "none":
        yield from way_out(campaign)
    elif campaign["features"] and not _has_header(campaign) and (without := _without_link(steps)):
        for step in without:
            detail = f"Nothing in mail {step.position} lets a person unsubscribe: put {{{{{LINK}}}}} in its body."
            yield Finding("unsubscribe_missing", f"/sequence/steps/{step.position - 1}/body", detail)
    if campaign["require_postal_address"]:
        yield from _address(campaign, steps)


def warnings(campaign: Row, steps: Sequence[Step], values: Sequence[Row]) -> Iterator[Finding]:
    """Yield what a sender should know. `values` says how many people lack which variable."""
    if campaign["managed"]:
        return
    yield from _lacking(values)
    kept_fields, used = campaign["features"].get("lead_fields"), uses(steps)
    if kept_fields is not None and len(used) > kept_fields:
        names = ", ".join(sorted({variable.name for variable, _ in list(used.values())[kept_fields:]}))
        detail = f"Of each person {kept_fields} values are kept, and the steps use {len(used)}: {names} stay empty."
        yield Finding("too_many_variables", "/sequence", detail)
    if campaign["capability"] == "email_outreach":
        yield from _mail_warnings(campaign, steps)
    for step in steps:
        if step.type == "connection_request" and len(step.body) > FREE_NOTE:
            detail = f"Free seats may send notes of {FREE_NOTE} characters: this one has {len(step.body)}."
            yield Finding("note_too_long_for_free_seats", f"/sequence/steps/{step.position - 1}/body", detail)


def _mail_warnings(campaign: Row, steps: Sequence[Step]) -> Iterator[Finding]:
    if campaign["unsubscribe"] == "both" and _has_header(campaign):
        for step in _without_link(steps):
            detail = f"Mail {step.position} has the header alone: put {{{{{LINK}}}}} in its body for both."
            yield Finding("unsubscribe_link_missing", f"/sequence/steps/{step.position - 1}/body", detail)
    if not campaign["require_postal_address"]:
        yield from _address(campaign, steps)
    for domain, known in sorted(campaign["domains"].items()):
        if known["daily"] >= BULK_DAILY:
            detail = (
                f"From {domain} up to {known['daily']} mails go out a day. From 5,000 to one of the large mailbox "
                "providers on, their rules for bulk senders hold for the domain, and the status never ends."
            )
            yield Finding("daily_volume", "/senders", detail)
        auth: Mapping[str, Any] = known["auth"] or {}
        for name, what in AUTH.items():
            if auth.get(name) is False:
                detail = f"{domain} has no {what}: large mailbox providers require it."
                yield Finding(f"{name}_missing", "/senders", detail)


def _signs(steps: Sequence[Step]) -> Iterator[Finding]:
    for step in steps:
        for name, text in (("subject", step.subject), ("body", step.body)):
            for _, sign in foreign_signs(text, is_html=name == "body" and step.type == "email"):
                detail = f"{sign[:60]} is a sign of another tool's templates: write {{{{variable}}}}."
                yield Finding("foreign_template_sign", f"/sequence/steps/{step.position - 1}/{name}", detail)
                break


def way_out(campaign: Row) -> Iterator[Finding]:
    """Yield that a campaign without a way to unsubscribe must have one, unless the partner allows that."""
    if not campaign["may_omit_unsubscribe"]:
        detail = "Your partner does not allow campaigns without a way to unsubscribe. Set it to `both`."
        yield Finding("unsubscribe_required", "/settings/unsubscribe", detail)


def zone(campaign: Row) -> Iterator[Finding]:
    """Yield that a campaign's hours cannot be kept in its zone, where the channel takes some zones only."""
    hours, now = Hours(campaign["timezone"], campaign["send_from"], campaign["send_until"]), datetime.now(UTC)
    if kept(hours, campaign["timezones"], now) is None:
        names = ", ".join(nearest(hours.timezone, campaign["timezones"], now))
        detail = f"These hours cannot be kept in {hours.timezone}. Near it are {names}."
        yield Finding("timezone_not_kept", "/schedule/timezone", detail)


def _has_header(campaign: Row) -> bool:
    theirs = campaign["features"].get("unsubscribe_header", "none")
    return campaign["unsubscribe"] in ("header", "both") and theirs != "none"


def _without_link(steps: Sequence[Step]) -> list[Step]:
    def has_link(step: Step) -> bool:
        return any(isinstance(piece, Variable) and piece.name == LINK for piece in pieces(step.body, "html"))

    return [step for step in steps if step.type == "email" and not has_link(step)]


def _address(campaign: Row, steps: Sequence[Step]) -> Iterator[Finding]:
    if campaign["postal_address"] is None:
        detail = "The company has no postal address yet: set `postal_address` of the company, and put it in each mail."
        yield Finding("postal_address_missing", "/company/postal_address", detail)
        return
    wanted = " ".join(WORD.findall(campaign["postal_address"].casefold()))
    for step in steps:
        said = " ".join(WORD.findall(" ".join(nodes_of(parsed(step.body)).lines()).casefold()))
        if step.type == "email" and wanted not in said:
            detail = f"Mail {step.position} does not show the company's postal address."
            yield Finding("postal_address_missing", f"/sequence/steps/{step.position - 1}/body", detail)


def _lacking(values: Sequence[Row]) -> Iterator[Finding]:
    for row in values:
        if row["missing"] > FEW * row["people"]:
            detail = (
                f"{row['missing']} of {row['people']} people have no {row['name']}: its place stays empty. Write "
                f"{{{{{row['name']}|something}}}}."
            )
            yield Finding("variable_missing", "/leads", detail)


def without_fallback(steps: Sequence[Step]) -> list[str]:
    """Return the variables whose place stays empty where a person has no value, each once."""
    names = (variable.name for variable, _ in uses(steps).values() if variable.fallback is None)
    return sorted({name for name in names if name != LINK})


def shown(findings: Sequence[Finding]) -> list[Mapping[str, Any]]:
    """Return findings as the API shows them."""
    return [vars(finding) for finding in findings]
