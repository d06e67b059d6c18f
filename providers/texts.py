"""Mails as people read them: HTML to words and back."""

import html
import re
from html.parser import HTMLParser

BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3"})
SKIPPED = frozenset({"script", "style", "head", "title", "blockquote"})
TAG = re.compile(
    r"(?i)</[a-z][a-z0-9:]*\s*>|<([abiu]|br|p|div|span|html|body|head|table|img|ul|ol|font|em|strong)[\s/>]|<!"
)
LONGEST_MAIL = 100_000  # characters: what is behind them was not written by hand
CUT = "…"  # stands where the readers of providers have taken a name out, and where people pause
SHORTEST_CUT = 8
QUOTES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix")


def as_html(text: str) -> str:
    """Return plain text as the body of a mail."""
    return "<p>" + html.escape(text, quote=False).replace("\r\n", "\n").replace("\n", "<br>") + "</p>"


def plain(body: str) -> str:
    """Return the words of a mail's body, without what it quotes. Text that is no HTML stays as it is."""
    body = _without_comments(body[:LONGEST_MAIL])
    if not TAG.search(body):
        return html.unescape(body).strip()
    if body.rfind("<") > body.rfind(">"):
        body += ">"  # a tag without an end is looked for again from each of its places
    words = _Words()
    words.feed(body)
    words.close()
    lines = ("".join(words.found)).split("\n")
    return "\n".join(line.strip() for line in lines).strip()


def _without_comments(body: str) -> str:
    """Take comments and marked sections out, cut at each beginning once; one without an end goes on to the end."""
    for begin, end in (("<!--", "-->"), ("<![", "]>")):
        before, *parts = body.split(begin)
        body = before + "".join(part.partition(end)[2] for part in parts)
    return body


def same_words(body: str, text: str) -> bool:
    """Tell whether a body, in whatever form, begins with all the words of a plain text; what follows is a signature.
    What was cut out of the body may have been anything."""
    wanted = text.split()
    return bool(wanted) and any(_begins(words, wanted) for words in (plain(body).split(), body.split()))


def _begins(first: list[str], second: list[str]) -> bool:
    reached = {0}
    for word in first:
        if len(second) in reached:
            break
        # A name that was cut out may have been one word or two.
        ends = ((at, at + count) for at in reached for count in (1, 2) if at + count <= len(second))
        reached = {end for at, end in ends if _fits(" ".join(second[at:end]), word)}
    return len(second) in reached


def _fits(text: str, word: str) -> bool:
    """Tell whether a text is a word of a body, or what it may have been before names were cut out."""
    if text == word:
        return True
    head, *parts = word.split(CUT)
    if not parts or not text.startswith(head) or not text.endswith(parts[-1]):
        return False
    at, end = len(head) + SHORTEST_CUT, len(text) - len(parts[-1])
    for part in parts[:-1]:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part) + SHORTEST_CUT
    return at <= end


class _Words(HTMLParser):
    """Collects what is between the tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._skipping: list[str] = []  # open tags, from the first one that is skipped on

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._skipping:
            if tag == self._skipping[0]:
                self._skipping.append(tag)
        elif tag in SKIPPED or any(
            mark in (value or "") for name, value in attrs if name == "class" for mark in QUOTES
        ):
            self._skipping.append(tag)
        elif tag in BREAKS:
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._skipping:
            if tag == self._skipping[0]:
                self._skipping.pop()
        elif tag == "p":
            self.found.append("\n")

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """Pass over `<![…`: the parser knows some kinds of it, and fails at others that mails have."""
        return self.parse_bogus_comment(i, report)

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.found.append(data)
