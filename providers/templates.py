"""The one language of templates: `{{variable}}` and `{{variable|fallback}}`, the same through every provider.

What a provider's own templates can do differs and is not used: every variable becomes a field of its own, whose value,
or fallback, is sent with each person as data. So what stands in a value is never a template, and never HTML.
"""

import hashlib
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from providers.models import Step
from providers.reading import as_mapping

BUILT_IN = frozenset({"first_name", "last_name", "email", "company_name", "unsubscribe_link"})
CUSTOM_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,49}")
LONGEST_FALLBACK = 200
PREFIX = "obx_"  # of every field that is ours, so that none meets a field of a provider's or a customer's
UNSEEN = "\u2060"  # shows nothing
Context = Literal["html", "line", "text"]
"""Where a variable stands: in HTML, in a subject, which has one line, or in plain text."""

Uses = Mapping[str, tuple["Variable", Context]]
"""The fields of a sequence by name, each with its variable and where that stands."""

SIGN = r"[.]{0,3}\w[\w.]{0,60}"  # one name of letters, digits, `_` and `.`
WORD = (
    rf"(?=[\w.]{{0,60}}[^\W\d_]){SIGN}"  # the same with a letter in it: numbers stand between such signs by themselves
)
# Signs of other tools' templates, in which one name stands, or alternatives parted by `|`.
_CHOICE = r"[^{}\[\]<>|\n]{0,200}(?:\|[^{}\[\]<>|\n]{0,200}){1,20}"
_INSIDE = rf"\s{{0,3}}(?:{SIGN}|{_CHOICE})\s{{0,3}}"
FOREIGN = re.compile(
    rf"(?<!{{){{{_INSIDE}}}(?!}})|\[\[{_INSIDE}\]\]|(?:<<|&lt;&lt;)\s{{0,3}}{WORD}\s{{0,3}}(?:>>|&gt;&gt;)"
    rf"|\$\{{{_INSIDE}\}}|%{WORD}%|\{{%[^%\n]{{0,300}}%\}}"
)
LONE_BRACE = re.compile(r"(?<!{){(?!{)|(?<!})}(?!})")
INSIDE_BRACES = re.compile(r"\{\{[^{}]{0,300}\}\}")
STYLE = re.compile(r"<style\b[^>]{0,2000}>", re.IGNORECASE)
STYLE_END = re.compile(r"</style\s{0,10}>", re.IGNORECASE)
TAG = re.compile(
    r"<!--|(?<!<)</?[a-zA-Z](?:[^<>\"']|\"[^\"<]{0,5000}\"|'[^'<]{0,5000}')*+>|(?<!<)</?[a-zA-Z][^<>]{0,5000}>"
)
URL = re.compile(r"(?:https?://|mailto:|www\.)[^\s<>\"']{1,2000}", re.IGNORECASE)


@dataclass(frozen=True)
class Variable:
    """One variable of a text. `name` is of `BUILT_IN` or `custom.<key>`; `fallback` is said where there is no value."""

    name: str
    fallback: str | None = None


def is_known(name: str) -> bool:
    """Tell whether there is such a variable."""
    return name in BUILT_IN or (
        name.startswith("custom.") and CUSTOM_KEY.fullmatch(name.removeprefix("custom.")) is not None
    )


def unknown_variables(text: str) -> Iterator[str]:
    """Yield each `{{…}}` that is no variable, with a fallback or without; `{{` for half of a pair.

    Linear in the text: it is cut at each `{{` once, and no pattern looks for an end that may not be there.
    """
    before, *parts = text.split("{{")
    halves = "}}" in before
    for part in parts:
        inside, closed, behind = part.partition("}}")
        halves = halves or not closed or "}}" in behind
        variable = _variable(inside) if closed else None
        if closed and (variable is None or len(variable.fallback or "") > LONGEST_FALLBACK):
            yield inside.strip()
    if halves:
        yield "{{"


def _variable(inside: str) -> Variable | None:
    """Return the variable that stands between double braces, or None."""
    name, parted, fallback = inside.partition("|")
    name, fallback = name.strip(), fallback.strip()
    if not is_known(name) or re.search(r"[{}\r\n]|\|.*\|", inside):
        return None
    return Variable(name, fallback if parted and fallback else None)


def foreign_signs(text: str, *, is_html: bool) -> Iterator[tuple[int, str]]:
    """Yield the place and the words of each sign that another tool would take for a template, counted from 0. In HTML
    styles and tags are passed over, and links everywhere."""
    seen = _without_markup(text) if is_html else text
    seen = INSIDE_BRACES.sub(lambda variable: "x" * len(variable[0]), seen)
    seen = URL.sub(lambda link: _blank(link[0]), seen)
    for found in FOREIGN.finditer(seen):
        yield found.start(), text[found.start() : found.end()]


def _blank(text: str) -> str:
    return "\x00" * len(text)


def _without_markup(text: str) -> str:
    """Return HTML with as many signs in place of each style and tag."""
    parts: list[str] = []
    at = 0
    while found := STYLE.search(text, at):
        end = STYLE_END.search(text, found.end())
        stop = end.end() if end else len(text)
        parts += [text[at : found.start()], _blank(text[found.start() : stop])]
        at = stop
    return TAG.sub(lambda tag: _blank(tag[0]), "".join(parts) + text[at:])


def pieces(text: str, context: Context = "text") -> list[str | Variable]:
    """Return a text in order, parted at its variables. In HTML a fallback is HTML as well."""
    before, *parts = text.split("{{")
    found: list[str | Variable] = [before]
    for part in parts:
        inside, closed, behind = part.partition("}}")
        variable = _variable(inside) if closed else None
        if variable and variable.fallback is not None and context == "html":
            variable = replace(variable, fallback=html.unescape(variable.fallback))
        found += [variable, behind] if variable else ["{{" + part]
    return [piece for piece in found if piece != ""]


def field_of(variable: Variable, context: Context) -> str:
    """Return the name of the field in which a variable's value is sent: in plain text a short one, so that a text is no
    longer at a provider, which limits it, than it was written."""
    if context != "html":
        about = f"{context}|{variable.name}|{variable.fallback or ''}"
        return "x" + hashlib.sha256(about.encode()).hexdigest()[:6]
    spare = "" if variable.fallback is None else "_" + hashlib.sha256(variable.fallback.encode()).hexdigest()[:8]
    return f"{PREFIX}{variable.name.replace('custom.', 'c_')}{spare}"


def compiled(text: str, context: Context) -> str:
    """Return a text as it is put at a provider: each variable by the name of its field, in double braces."""
    found = pieces(text, context)
    return "".join(each if isinstance(each, str) else "{{" + field_of(each, context) + "}}" for each in found)


def as_data(value: str, context: Context) -> str:
    """Return a value as data: in it nothing is a template, and in HTML nothing is a tag. In plain text, which knows no
    escapes, braces that would make a template are replaced by wide ones."""
    if context == "html":
        escaped = html.escape(value).replace("{", "&#123;").replace("}", "&#125;")
        return escaped.replace("\r\n", "\n").replace("\n", "<br>")
    shown = " ".join(value.split()) if context == "line" else value
    is_template = "{{" in shown or "}}" in shown or FOREIGN.search(shown)
    return shown.replace("{", "\uff5b").replace("}", "\uff5d") if is_template else shown


def value_of(variable: Variable, person: Mapping[str, str], context: Context) -> str:
    """Return what stands in a variable's place. `person` has values by the names of variables."""
    return as_data(person.get(variable.name) or variable.fallback or "", context)


def rendered(text: str, person: Mapping[str, str], context: Context) -> str:
    """Return a text as one person gets it."""
    found = pieces(text, context)
    return "".join(each if isinstance(each, str) else value_of(each, person, context) for each in found)


def contexts_of(step_type: str) -> tuple[Context, Context]:
    """Return where the variables of a step's subject and of its body stand."""
    return "line", "html" if step_type == "email" else "text"


def uses(steps: Sequence[Step]) -> dict[str, tuple[Variable, Context]]:
    """Return the fields of a sequence, each with its variable, in order, each once."""
    found: dict[str, tuple[Variable, Context]] = {}
    for step in steps:
        for text, context in zip((step.subject, step.body), contexts_of(step.type), strict=True):
            for piece in pieces(text, context):
                if isinstance(piece, Variable):
                    found.setdefault(field_of(piece, context), (piece, context))
    return found


def fields_for(person: Mapping[str, str], used: Uses, body: Context) -> dict[str, str]:
    """Return the fields that are sent with a person: first those of the sequence, then all else that is known of them,
    as a step's body or subject would show it, for steps that are written later."""
    fields = {key: value_of(variable, person, context) for key, (variable, context) in used.items()}
    later: tuple[Context, ...] = (body, "line")
    for context in later:
        for name in person:
            fields.setdefault(field_of(Variable(name), context), value_of(Variable(name), person, context))
    return fields


def paragraphs(text: str) -> str:
    """Return plain text as HTML: escaped, a paragraph where an empty line parts it, its variables as they are."""
    parts = re.split(r"\n[^\S\n]*\n\s*", text.replace("\r\n", "\n").strip())
    return "".join(f"<p>{html.escape(part, quote=False).replace(chr(10), '<br>')}</p>" for part in parts)


def step_of(row: Mapping[str, Any]) -> Step:
    """Return a step as it is sent, its variables as they were written. `row` has the columns of a step; the body of an
    email that is text becomes HTML."""
    is_text = row["type"] == "email" and row["format"] == "text"
    body = _without_braces_in_links(row["body"])
    body = paragraphs(body) if is_text else body
    return Step(row["position"], row["delay_days"], row["subject"], body, row["type"])


def _without_braces_in_links(text: str) -> str:
    """Return a text whose links have their single braces percent-encoded: there they stand as written, and a provider
    would take them for a template."""

    def encoded(link: re.Match[str]) -> str:
        return LONE_BRACE.sub(lambda brace: "%7B" if brace[0] == "{" else "%7D", link[0])

    return URL.sub(encoded, text)


def compiled_step(step: Step) -> Step:
    """Return a step as it is put at a provider."""
    line, body = contexts_of(step.type)
    return replace(step, subject=compiled(step.subject, line), body=compiled(step.body, body))


def values_of(lead: Mapping[str, Any], unsubscribe_link: str | None = None) -> dict[str, str]:
    """Return the values of a person by the names of variables; what is not known has none."""
    every: dict[str, Any] = {name: lead.get(name) for name in ("first_name", "last_name", "email", "company_name")}
    every |= {f"custom.{key}": value for key, value in as_mapping(lead.get("custom")).items()}
    every["unsubscribe_link"] = unsubscribe_link
    return {name: str(value) for name, value in every.items() if value not in (None, "")}
