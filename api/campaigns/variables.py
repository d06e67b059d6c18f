"""The variables a message may hold, and HTML made from plain text."""

import html
import re
from collections.abc import Iterator

BUILT_IN = frozenset({"first_name", "last_name", "email", "company_name"})
CUSTOM_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,49}")
PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
TAG = re.compile(r"<(?:[a-zA-Z!/])")


def unknown_variables(text: str) -> Iterator[str]:
    """Yield each `{{…}}` that is neither a built-in variable nor a well-formed `custom.key`."""
    for match in PLACEHOLDER.finditer(text):
        name = match[1].strip()
        if name in BUILT_IN:
            continue
        if not (name.startswith("custom.") and CUSTOM_KEY.fullmatch(name.removeprefix("custom."))):
            yield name
    rest = PLACEHOLDER.sub("", text)
    if "{{" in rest or "}}" in rest:
        yield "{{"


def as_html(body: str) -> str:
    """Return the body as HTML: as it is when it holds a tag, else with its paragraphs escaped and wrapped."""
    if TAG.search(body):
        return body
    paragraphs = re.split(r"\n\s*\n", body.replace("\r\n", "\n").strip())
    return "".join(f"<p>{html.escape(part, quote=False).replace(chr(10), '<br>')}</p>" for part in paragraphs)
