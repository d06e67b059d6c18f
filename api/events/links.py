"""Which link of a campaign a click was on: what a provider names is shown only where the campaign has that link."""

import re
from collections.abc import Iterable, Sequence

VARIABLE = re.compile(r"\{\{[^{}]{0,100}\}\}")
HOST = re.compile(r"https?://[^/?#{}]+(?:[/?#]|$)", re.IGNORECASE)
LONGEST_VALUE = 200


def own_link(url: str, links: Iterable[str]) -> str | None:
    """Return the campaign's link that a clicked one is, with its variables filled in; None where it is none of them.
    What a tool has added behind it, as parameters of its own, is left out."""
    bare = url.strip().split("#")[0]
    for link in sorted(links, key=len, reverse=True):
        if HOST.match(link) and (found := _pattern(link).fullmatch(bare)):
            return found[1]
    return None


def _pattern(link: str) -> re.Pattern[str]:
    parts: Sequence[str] = VARIABLE.split(link.split("#", maxsplit=1)[0].rstrip("/"))
    filled = rf"[^\s#]{{0,{LONGEST_VALUE}}}?".join(map(re.escape, parts))
    return re.compile(rf"({filled})/?(?:[?&][^\s#]*)?")
