"""Which link of a campaign a click was on: what a provider names is shown only where the campaign has that link."""

import html
import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote, urlsplit

VARIABLE = re.compile(r"\{\{[^{}]{0,100}\}\}")
LONGEST_LINK = 2_000


def own_link(url: str, links: Iterable[str]) -> str | None:
    """Return the campaign's link that a clicked one is, None where it is none of them. One with variables is returned
    as it was clicked, but for its parameters, where only they can be what a tool has added."""
    clicked = _Parts(url)
    for link in sorted(links, key=len, reverse=True):
        if len(link) <= LONGEST_LINK and clicked.host and clicked.is_of(_Parts(link)):
            return clicked.bare if VARIABLE.search(link) else link
    return None


class _Parts:
    """A link in the parts that are compared."""

    def __init__(self, link: str) -> None:
        self.host, self.path, self.query, self.bare = "", "", frozenset[tuple[str, str]](), ""
        text = html.unescape(link.strip()[: 2 * LONGEST_LINK])
        marked = re.sub(r"%7B%7B(.{0,100}?)%7D%7D", r"{{\1}}", text, flags=re.IGNORECASE)
        try:
            parts = urlsplit(marked)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return
        if len(link) > LONGEST_LINK or parts.scheme not in ("http", "https") or "{" in host or "\\" in text:
            return
        self.host = f"{host.removeprefix('www.')}:{port or (443 if parts.scheme == 'https' else 80)}"
        self.path = unquote(parts.path).rstrip("/")
        self.query = frozenset(parse_qsl(parts.query, keep_blank_values=True))
        self.bare = f"{parts.scheme}://{parts.netloc}{parts.path}"

    def is_of(self, own: "_Parts") -> bool:
        """Tell whether this is the campaign's link with its variables filled in; parameters may have been added."""
        if self.host != own.host or not _fits(self.path, own.path):
            return False
        given = dict(self.query)
        return all(name in given and _fits(given[name], value) for name, value in own.query)


def _fits(text: str, wanted: str) -> bool:
    """Tell whether a text is another with its variables filled in, none of which has a link in it."""
    first, *others = VARIABLE.split(wanted)
    if not others:
        return text == wanted
    if not text.startswith(first) or not text.endswith(others[-1]) or "://" in text[len(first) :]:
        return False
    at, end = len(first), len(text) - len(others[-1])
    for part in others[:-1]:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end
