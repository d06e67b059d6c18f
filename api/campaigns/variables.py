"""The variables a message may contain, and HTML made from plain text."""

import html
import re
from collections.abc import Iterator

BUILT_IN = frozenset({"first_name", "last_name", "email", "company_name"})
CUSTOM_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,49}")
TAG = re.compile(r"<(?:[a-zA-Z!/])")


def unknown_variables(text: str) -> Iterator[str]:
    """Yield each `{{…}}` that is neither a built-in variable nor a well-formed `custom.key`; `{{` for half of a pair.

    Linear in the text: it is cut at each `{{` once, and no pattern looks for an end that may not be there.
    """
    before, *parts = text.split("{{")
    halves = "}}" in before
    for part in parts:
        inside, closed, behind = part.partition("}}")
        halves = halves or not closed or "}}" in behind
        name = inside.strip()
        if closed and name not in BUILT_IN and not _is_custom(name):
            yield name
    if halves:
        yield "{{"


def _is_custom(name: str) -> bool:
    return name.startswith("custom.") and CUSTOM_KEY.fullmatch(name.removeprefix("custom.")) is not None


def as_html(body: str) -> str:
    """Return the body as HTML: as it is when it holds a tag, else with its paragraphs escaped and wrapped."""
    if TAG.search(body):
        return body
    paragraphs = re.split(r"\n\s*\n", body.replace("\r\n", "\n").strip())
    return "".join(f"<p>{html.escape(part, quote=False).replace(chr(10), '<br>')}</p>" for part in paragraphs)
