"""HTML of mails: its texts line by line, what mail programs mark in it as quoted, and what may be shown of it.

It is read by lxml, in time that grows with its length, and cleaned by nh3; what is nested deeper than lxml reads was
not written by hand.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import lxml.etree
import lxml.html
import nh3
from lxml.html import HtmlElement

BLOCKS = frozenset({
    "address", "article", "blockquote", "body", "center", "dd", "div", "dl", "dt", "fieldset", "figure", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "nav", "ol", "p", "pre",
    "section", "table", "tbody", "tr", "ul",
})  # fmt: skip
SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6"})  # an empty line is below them
SKIPPED = ("script", "style", "head", "title", "template", "noscript", "object", "svg", "math", "select", "textarea")
# How mail programs mark in HTML what they quote: by itself, or from there on.
QUOTES = (
    "gmail_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "tutanota_quote", "zmail_extra",
    "moz-email-headers-table", "replyforward",
)  # fmt: skip
QUOTES_ON = (
    "divrplyfwdmsg", "appendonsend", "olk_src_body_section", "mail-editor-reference-message-container",
    "ms-outlook-mobile-reference-message", "messagereplysection", "spark_quote", "stopspelling",
)  # fmt: skip
INDENT = re.compile(r"border(?:-style|-left)?:\s*(?:none|0)", re.IGNORECASE)  # a person's own indentation
TAGS = {
    "a", "b", "br", "code", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p", "pre", "s",
    "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
# What a mail of our own may have besides: what mail programs show, and nothing that runs.
SENT_TAGS = TAGS | {
    "abbr", "address", "article", "aside", "big", "blockquote", "caption", "center", "cite", "col", "colgroup", "dd",
    "del", "dl", "dt", "figcaption", "figure", "font", "footer", "header", "img", "ins", "kbd", "main", "mark", "q",
    "section", "small", "strike", "style", "tfoot", "tt", "var", "wbr",
}  # fmt: skip
SENT_ATTRIBUTES = {
    "*": {
        "align", "bgcolor", "border", "class", "color", "dir", "height", "id", "lang", "role", "style", "title",
        "valign", "width",
    },
    "a": {"href", "name", "target"}, "img": {"src", "alt", "hspace", "vspace"}, "font": {"face", "size"},
    "table": {"cellpadding", "cellspacing"}, "td": {"colspan", "rowspan", "nowrap"},
    "th": {"colspan", "rowspan", "scope"}, "ol": {"start", "type"}, "ul": {"type"}, "col": {"span"},
    "blockquote": {"cite"},
}  # fmt: skip
ELEMENT = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]{0,15})(?=[\s/>])[^<>]{0,5000}>")
HTML_TAGS = SENT_TAGS | {"html", "head", "body", "script", "meta", "iframe", "form"}
LONE_AMPERSAND = re.compile(r"&(?![a-zA-Z#])")  # many of them are slow to clean
VOID = frozenset({"br", "hr", "img", "col", "wbr", "input", "meta", "link", "area", "base", "embed", "source"})
# Marks that stay open are repeated in each paragraph that follows, and boxes in boxes take time squared.
MARKS = frozenset({"a", "b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u"})
ENDED_BY_THE_NEXT = frozenset({"p", "li", "td", "th", "tr", "dt", "dd", "tbody", "thead", "tfoot"})
DEEPEST, MOST_OPEN_MARKS, MOST_ELEMENTS = 100, 16, 10_000
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")  # what no document may contain
NO_LINK = re.compile(r"[\\\s\x00-\x1f]")
WHITE = re.compile(r"\s+")
EMPTY = re.compile(r"<(a|b|div|em|i|li|p|pre|s|span|strong|td|th|tr|tbody|thead|table|u|ul|ol)(?: [^<>]*)?>\s*</\1>")
BLANK_END = re.compile(r"(?:<(div|p|span|b)(?: [^<>]*)?>(?:\s|<br>)*</\1>|<br>|\s)((?:</[a-z]+>)*)$")
NESTED = 8  # how deep boxes may be that are empty after a quote was taken out of them


def parsed(body: str) -> HtmlElement:
    """Return the tree of a mail's HTML without what is never shown."""
    parser = lxml.html.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True, encoding="utf-8")
    try:
        tree = lxml.html.document_fromstring(CONTROL.sub("", body).encode("utf-8", "replace"), parser=parser)
    except lxml.etree.ParserError:  # nothing is in it
        return lxml.html.document_fromstring("<html><body></body></html>")
    for each in list(tree.iter(*SKIPPED)):
        if each.getparent() is not None:
            each.drop_tree()
    return tree


def without_marked_quotes(tree: HtmlElement) -> list[str]:
    """Take out what a mail program has marked as quoted, and return its text."""
    found: list[str] = []
    gone: set[HtmlElement] = set()  # with all that is in them
    read: set[HtmlElement] = set()
    for each in list(tree.iter()):
        parent = each.getparent()
        if parent in read:
            read.add(each)
        if parent in gone:
            gone.add(each)
        if parent is None or each in gone:
            continue
        marks = f"{each.get('class') or ''} {each.get('id') or ''} {each.get('name') or ''}".lower()
        if any(mark in marks for mark in QUOTES_ON):
            found += [_text(each), *_cut_behind(each, tree)]
            break
        inside: HtmlElement | None = None
        if any(mark in marks for mark in QUOTES):
            inside = next((below for below in each.iter("blockquote") if below is not each), None)
        elif each.tag != "blockquote" or INDENT.search(each.get("style") or ""):
            continue
        if each not in read:
            found.append(_text(each))
            read.add(each)
        if inside is not None:  # what is written below the quote, in the same box, is the author's
            _cut_before(inside, each)
        else:
            gone.add(each)
            each.drop_tree()
    return found


def _cut_before(inside: HtmlElement, box: HtmlElement) -> None:
    """Take out of a box what comes before something in it."""
    node = inside
    while node is not box and (parent := node.getparent()) is not None:
        for before in list(node.itersiblings(preceding=True)):
            parent.remove(before)
        parent.text = None
        node = parent


def _cut_behind(each: HtmlElement, tree: HtmlElement) -> list[str]:
    """Take an element out of a tree, and all that comes behind it; return the text of that."""
    found: list[str] = []
    node = each
    while node is not tree and (parent := node.getparent()) is not None:
        for behind in list(node.itersiblings()):
            found.append(_text(behind))
            parent.remove(behind)
        node.tail = None
        node = parent
    each.drop_tree()
    return found


def _text(each: HtmlElement) -> str:
    return "\n".join(line for line in nodes_of(each).lines() if line)


@dataclass
class Nodes:
    """The texts of a tree, in order, and which line each part of one stands in."""

    parts: list[tuple[HtmlElement, bool, str, int]] = field(default_factory=list["tuple[HtmlElement, bool, str, int]"])
    line: int = 0
    begun: bool = False

    def add(self, each: HtmlElement, text: str | None, *, tail: bool, as_it_is: bool) -> None:
        """Add the text of an element, or that behind it."""
        if not text:
            return
        for place, part in enumerate(text.split("\n") if as_it_is else [text]):
            self.line += place > 0
            shown = part if as_it_is else WHITE.sub(" ", part)
            self.parts.append((each, tail, shown, self.line))
            self.begun = self.begun or bool(shown.strip())

    def end(self, *, lines: int = 1, always: bool = False) -> None:
        """End a line that has something in it."""
        if self.begun or always:
            self.line += lines
            self.begun = False

    def lines(self) -> list[str]:
        """Return the lines."""
        found: list[list[str]] = [[] for _ in range(self.line + 1)]
        for _, _, text, line in self.parts:
            found[line].append(text)
        return ["".join(parts).strip() for parts in found]

    def keep(self, lines: Collection[int]) -> None:
        """Take out of the tree what stands in other lines."""
        left: dict[tuple[HtmlElement, bool], list[str]] = {}
        for each, tail, text, line in self.parts:
            left.setdefault((each, tail), []).extend([text] if line in lines else [])
        for (each, tail), texts in left.items():
            setattr(each, "tail" if tail else "text", "\n".join(texts) or None)


def nodes_of(tree: HtmlElement) -> Nodes:
    """Return the texts of a tree, in the lines in which they are shown."""
    nodes, pre = Nodes(), 0
    for event, each in lxml.etree.iterwalk(tree, events=("start", "end")):
        name = str(each.tag)
        if event == "start":
            pre += name == "pre"
            if name == "br":
                nodes.end(always=True)
            elif name in BLOCKS:
                nodes.end()
            nodes.add(each, each.text, tail=False, as_it_is=pre > 0)
            continue
        pre -= name == "pre"
        if name in ("td", "th"):
            nodes.add(each, " ", tail=False, as_it_is=False)
        if name in SPACED:
            nodes.end(lines=2)
        elif name in BLOCKS:
            nodes.end()
        if each is not tree:
            nodes.add(each, each.tail, tail=True, as_it_is=pre > 0)
    return nodes


def cleaned(tree: HtmlElement, hosts: Collection[str]) -> str:
    """Return the HTML of a tree as it may be shown: words and their forms, and links to these hosts."""
    for link in list(tree.iter("a")):
        if not _goes_to(link.get("href") or "", hosts):
            link.attrib.pop("href", None)
    body = tree.find("body")
    shown = lxml.etree.tostring(tree if body is None else body, encoding="unicode", method="html")
    shown = nh3.clean(shown, tags=TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"})
    for _ in range(NESTED):
        shown = BLANK_END.sub(r"\2", EMPTY.sub("", shown))
    return shown.strip()


def _goes_to(link: str, hosts: Collection[str]) -> bool:
    if NO_LINK.search(link.strip()):  # browsers read a backslash as a slash
        return False
    try:
        parts = urlsplit(link.strip())
        return (parts.scheme == "mailto" and not parts.query) or (parts.hostname or "").lower() in hosts
    except ValueError:
        return False


def sent_html(body: str) -> str:
    """Return the HTML of a mail of our own without what runs or loads anything but pictures. Variables stay, in links
    as well."""
    if "<" not in body:
        return body
    hidden = {"script", "title", "template", "noscript", "iframe", "object"}
    return nh3.clean(
        LONE_AMPERSAND.sub("&amp;", body), tags=SENT_TAGS, clean_content_tags=hidden, attributes=SENT_ATTRIBUTES,
        url_schemes={"http", "https", "mailto", "tel", "cid"}, link_rel=None,
    )  # fmt: skip


def is_too_nested(body: str) -> bool:
    """Tell whether HTML has more elements, or more of them in one another, than any mail that was written: cleaning it
    would take long. One look at each tag."""
    depth = marks = 0
    for count, found in enumerate(ELEMENT.finditer(body)):
        name, closes = found[1].lower(), found[0].startswith("</")
        if count > MOST_ELEMENTS:
            return True
        if name in VOID or name in ENDED_BY_THE_NEXT or found[0].endswith("/>"):
            continue
        step = -1 if closes else 1
        depth = max(0, depth + step)
        marks = max(0, marks + step * (name in MARKS))
        if depth > DEEPEST or marks > MOST_OPEN_MARKS:
            return True
    return False


def is_html(body: str) -> bool:
    """Tell whether a text is meant as HTML: it has an element that mails have, or a comment."""
    return "<!--" in body or any(found[1].lower() in HTML_TAGS for found in ELEMENT.finditer(body))


def says_something(body: str) -> bool:
    """Tell whether HTML shows anything: a word or a picture."""
    tree = parsed(body)
    return any(line for line in nodes_of(tree).lines()) or tree.find(".//img") is not None
