"""Mails as people read them: HTML to words and back."""

import html
from html.parser import HTMLParser

BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3"})
SKIPPED = frozenset({"script", "style", "head", "title", "blockquote"})
QUOTES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix")


def as_html(text: str) -> str:
    """Return plain text as the body of a mail."""
    return "<p>" + html.escape(text, quote=False).replace("\r\n", "\n").replace("\n", "<br>") + "</p>"


def plain(body: str) -> str:
    """Return the words of a mail's body, without what it quotes. Text that is no HTML stays as it is."""
    if "<" not in body:
        return html.unescape(body).strip()
    words = _Words()
    words.feed(body)
    words.close()
    lines = ("".join(words.found)).split("\n")
    return "\n".join(line.strip() for line in lines).strip()


def same_words(body: str, text: str) -> bool:
    """Tell whether a body, in whatever form, begins with all the words of a plain text; what follows is a signature."""
    wanted = text.split()
    return bool(wanted) and any(words[: len(wanted)] == wanted for words in (plain(body).split(), body.split()))


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

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.found.append(data)
