"""Mails as people read them: what the author wrote, what is quoted below it, and plain text as a mail's body."""

import html
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from providers.footers import OwnWords
from providers.markup import cleaned, nodes_of, parsed, without_marked_quotes
from providers.quotes import joined, own_lines

LONGEST_BODY = 2_000_000
STYLE, STYLE_END = re.compile(r"<style\b", re.IGNORECASE), re.compile(r"</style\s*>", re.IGNORECASE)
DATA = re.compile(r"data:[\w/+.-]{1,60};base64,[A-Za-z0-9+/=]+")
LONGEST_MAIL = 100_000  # characters: what is behind them was not written by hand
TAG = re.compile(
    r"(?i)</[a-z][a-z0-9:]*\s*>|<([abiu]|br|p|div|span|html|body|head|table|img|ul|ol|font|em|strong)[\s/>]|<!"
)
URL = re.compile(r"https?://[^\s<>\"']{1,2000}", re.IGNORECASE)


@dataclass(frozen=True)
class Words:
    """What one mail says. `text` is what its author wrote, without the quote; `html` the same, cleaned, None where the
    mail was plain text; `quoted` the text of what it quotes, None where it quotes nothing."""

    text: str
    html: str | None = None
    quoted: str | None = None


def as_html(text: str) -> str:
    """Return plain text as the body of a mail."""
    return "<p>" + html.escape(text, quote=False).replace("\r\n", "\n").replace("\n", "<br>") + "</p>"


def plain(body: str) -> str:
    """Return what the author of a mail wrote, in plain text and without what is quoted."""
    return _read(body)[0]


def words_of(body: str, hosts: Collection[str] = (), ours: OwnWords | None = None) -> Words:
    """Return what a mail says. Its links go nowhere but to these hosts, in lower case; images are left out. Of a mail
    of the company's own, `ours` says what its words are: what the provider added to them is left out."""
    text, quoted, tree = _read(body, ours)
    return Words(text, None if tree is None else cleaned(tree, hosts), quoted)


def _read(body: str, ours: OwnWords | None = None) -> tuple[str, str | None, HtmlElement | None]:
    """Return what an author wrote and what is quoted; of HTML also the tree, in which what was written is left."""
    body = _lightened(body)
    if not TAG.search(body):
        lines = html.unescape(body).replace("\r\n", "\n").split("\n")
        own, rest = _parted(lines, ours)
        return joined(lines, own), joined(lines, rest) or None, None
    tree = parsed(body)
    marked = without_marked_quotes(tree)
    nodes = nodes_of(tree)
    lines = nodes.lines()
    own, rest = _parted(lines, ours)
    nodes.keep(own)
    quoted = (joined(lines, rest), *marked)
    return joined(lines, own), "\n".join(filter(None, quoted)) or None, tree


def _parted(lines: list[str], ours: OwnWords | None) -> tuple[set[int], set[int]]:
    """Return which lines are the author's, and which are quoted; those that the provider added are neither."""
    own = own_lines(lines)
    added = ours.added(lines) if ours else set[int]()
    return own - added, set(range(len(lines))) - own - added


def _lightened(body: str) -> str:
    """Return as much of a mail as is read, without the styles and the pictures that it has inside."""
    before, *styles = STYLE.split(DATA.sub("", body[:LONGEST_BODY]))
    return (before + "".join(STYLE_END.split(style, maxsplit=1)[-1] for style in styles))[:LONGEST_MAIL]


def same_words(body: str, text: str) -> bool:
    """Tell whether a body, in whatever form, begins with all the words of a plain text; what follows is a signature."""
    wanted = text.split()
    forms = (str, plain, _whole)
    return bool(wanted) and any(form(body).split()[: len(wanted)] == wanted for form in forms)


def _whole(body: str) -> str:
    """Return all that a mail says, what it quotes as well."""
    body = body[:LONGEST_MAIL]
    if not TAG.search(body):
        return html.unescape(body)
    return "\n".join(nodes_of(parsed(body)).lines())


def links_in(text: str) -> list[str]:
    """Return the links of a mail's body, in order, each once: those of its HTML and those that are written out."""
    body = text[:LONGEST_MAIL]
    tree = parsed(body) if TAG.search(body) else None
    given = [] if tree is None else [str(link.get("href") or "") for link in tree.iter("a")]
    given += URL.findall(html.unescape(body) if tree is None else "\n".join(nodes_of(tree).lines()))
    return list(dict.fromkeys(link.strip() for link in given if URL.match(link.strip())))


def hosts_of(links: Iterable[str]) -> frozenset[str]:
    """Return the hosts of links, in lower case, and with `www.` or without."""
    found: set[str] = set()
    for link in links:
        try:
            host = (urlsplit(link).hostname or "").lower().removeprefix("www.")
        except ValueError:
            continue
        found |= {host, f"www.{host}"} if host else set()
    return frozenset(found)
