"""Takes the providers' names, hosts and numbers out of what they wrote themselves: reasons, names of seats, footers.

What a person or a company wrote is never masked: the name of a provider in it is their own word.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from urllib.parse import unquote

CUT = "…"
LONGEST = 4_000
NAMES = ("smartlead", "sleadtrack", "instantly", "heyreach")
# Signs that look like a letter, beside those that compatibility forms come down to.
LIKENESSES = {
    "a": "аαɑᴀ4@", "b": "Ьвʙ8", "c": "сϲᴄ", "d": "ԁᴅ", "e": "еεᴇ3є", "h": "һħʜ", "k": "кκᴋ", "l": "ӏʟ1|łіιɪ!ı",
    "m": "мᴍ", "n": "ոηɴ", "r": "гʀɾř", "s": "ѕꜱ5$", "t": "тτᴛ7+", "y": "уγʏ",
}  # fmt: skip
UNSEEN = frozenset("\u3164\u115f\u1160\uffa0")  # letters that show nothing
TAG = re.compile(r"</?[a-z][^<>]{0,300}>", re.IGNORECASE)
QUOTED_SIGN = re.compile(r"=([0-9a-f]{2})|\\u00([0-9a-f]{2})", re.IGNORECASE)
AROUND = re.compile(r"[\w.@%+:/-]")
WIDEST = 60  # characters of a host or an address around a name
HOST = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}://)?(?:[\w-]{1,63}[.\u3002]){1,20}(?:[^\W\dA-Z_]{2,24}|[A-Z]{2,24})(?!\w)(?::\d{1,5})?(?:/\S*)?"
)
URL = re.compile(r"[a-z][a-z0-9+.-]{1,20}://\S+", re.IGNORECASE)
ADDRESS = re.compile(r'<[^<>]{0,200}@[^<>]{0,200}>|(?:"[^"@]{0,100}"|[^\s<>@,;"]{1,200})@[^\s<>@,;]{1,200}')
BRACKETS = re.compile(r"\[[^\[\]]{0,300}\]")
NUMERIC_HOST = re.compile(
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])|(?<!\w)[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?!\w)", re.IGNORECASE
)
ID = re.compile(
    r"(?<![\w.])(?=[\w-]{0,80}\d)(?=[\w-]{0,80}[a-z])[\w-]{8,300}(?![\w.])|(?<![\w.])\d{6,}(?![\w.])", re.IGNORECASE
)
SMTP = re.compile(
    r"(?<![\w.])[45]\d\d(?:[ -]?#?[245]\.\d{1,3}\.\d{1,3})?(?![\w.])|(?<![\w.])[45]\.\d{1,3}\.\d{1,3}(?![\w.])"
)


@cache
def _likenesses() -> dict[str, str]:
    """Return the letter that each sign looks like."""
    found = {sign: letter for letter, signs in LIKENESSES.items() for sign in signs}
    boxed = {chr(start + n): chr(97 + n) for start in (0x1F130, 0x1F150, 0x1F170) for n in range(26)}
    return {**boxed, **found, "i": "l"}  # of the two and their likes, no eye can say which it is


def decoded(text: str) -> str:
    """Return a text without what hides letters: percent signs, entities, quoted signs and tags, brought to one form."""
    for _ in range(5):
        plain = QUOTED_SIGN.sub(lambda sign: chr(int(sign[1] or sign[2], 16)), html.unescape(unquote(text)))
        if plain == text:
            break
        text = plain[: 2 * LONGEST]
    text = unicodedata.normalize("NFKC", TAG.sub("", text))[: 2 * LONGEST]
    return "".join(sign for sign in text if sign == "\n" or unicodedata.category(sign) not in ("Cf", "Cc"))


def names_a_provider(text: str) -> bool:
    """Tell whether a provider's name stands in a text, in any disguise."""
    return any(_places(decoded(text[:LONGEST])))


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Yield where providers' names stand in a decoded text. One that is parted has to begin and end where words do."""
    letters: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(text):
        if sign in UNSEEN:
            continue
        for letter in unicodedata.normalize("NFKD", _likenesses().get(sign.lower(), sign.lower())):
            like = _likenesses().get(letter, letter)
            if like.isalnum():
                letters.append(like)
                places.append(place)
    bare = "".join(letters)
    for name in (name.replace("i", "l") for name in NAMES):
        at = bare.find(name)
        while at >= 0:
            begin, end = places[at], places[at + len(name) - 1] + 1
            whole = end - begin <= len(name)
            before, behind = text[begin - 1 : begin], text[end : end + 1]
            if whole or not ((before.isalpha() and text[begin].islower()) or (behind.isalpha() and behind.islower())):
                yield begin, end
            at = bare.find(name, at + 1)


def _without_names(text: str, sign: str) -> str:
    """Return a decoded text with each name taken out, together with the host or the address that it is part of."""
    found: list[str] = []
    done = 0
    for begin, end in sorted(_places(text)):
        first, last = begin, end
        while first > done and begin - first < WIDEST and AROUND.match(text, first - 1):
            first -= 1
        while last < len(text) and last - end < WIDEST and AROUND.match(text, last):
            last += 1
        if last > done:
            found += [text[done : max(first, done)], sign]
            done = last
    return "".join(found) + text[done:]


def masked(text: str | None) -> str | None:
    """Return what a provider wrote with every provider's name cut out; None where nothing is left to say."""
    if text is None:
        return None
    shown = decoded(text[: LONGEST + WIDEST])
    if not any(_places(shown)):
        return text[:LONGEST]
    shown = _without_names(shown, CUT).strip()[:LONGEST]
    return shown if shown.strip(f"{CUT} ") else None


def reason_of(text: str | None) -> str | None:
    """Return why a mail came back: the mail server's own line from its code on, without hosts, addresses and numbers
    of messages. Where there is no code, the first line that says something."""
    if not text:
        return None
    shown = ADDRESS.sub(" ", _without_names(decoded(BRACKETS.sub(" ", text[:LONGEST])), " "))
    lines = [line.strip() for line in shown.split("\n") if line.strip()]
    coded = next((line[found.start() :] for line in lines if (found := SMTP.search(line))), None)
    said = coded or next(iter(lines), "")
    for pattern in (URL, BRACKETS, HOST, NUMERIC_HOST, ID):
        said = pattern.sub(" ", said)
    said = re.sub(r"[<(\[{]{1,5}[\s,;:]{0,5}[>)\]}]{1,5}|[<>\[\]{}]", " ", said)
    return re.sub(r"\s+(?:[:;,](?=\s)\s*)?", " ", said).strip(" -–—:;,()")[:500] or None
