"""Takes the providers' names, hosts and numbers out of what they wrote themselves: reasons, names of seats, footers.

What a person or a company wrote is never masked: the name of a provider in it is their own word.
"""

import html
import re
import unicodedata
from urllib.parse import unquote

CUT = "…"
LONGEST = 4_000
NAMES = ("smartlead", "sleadtrack", "instantly", "heyreach")
# Signs that look like a letter, beside those that compatibility forms come down to: Cyrillic, Greek, digits.
LIKENESSES: dict[str, str] = {
    "a": "aаα4@", "b": "bЬв8", "c": "cсϲ", "d": "dԁ", "e": "eеε3є", "h": "hһ", "i": "iіι1l!|ı", "k": "kкκ",
    "l": "lӏ1i|ι",     "m": "mм", "n": "nոη", "r": "rгř", "s": "sѕ5$", "t": "tтτ7+", "y": "yуγ",
}  # fmt: skip
BETWEEN = r"(?:[\W_]|<[^<>]{0,40}>){0,6}?"
NAME = re.compile(
    "|".join(
        BETWEEN.join(f"[{re.escape(LIKENESSES.get(letter, letter))}]" for letter in name) for name in NAMES
    ),
    re.IGNORECASE,
)  # fmt: skip
AROUND = r"[\w.@%+-]{0,60}"
MASKED = re.compile(rf"(?:https?://)?{AROUND}(?:{NAME.pattern}){AROUND}", re.IGNORECASE)
HOST = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}://)?(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}\b(?::\d{1,5})?(?:/\S*)?", re.IGNORECASE
)
ADDRESS = re.compile(r"<?[^\s<>@,;]{1,200}@[^\s<>@,;]{1,200}>?")
NUMERIC_HOST = re.compile(
    r"\[?(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])\]?|\[?[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){3,7}\]?", re.I
)
ID = re.compile(
    r"(?<![\w.])(?=[\w-]{0,80}\d)(?=[\w-]{0,80}[a-z])[\w-]{12,300}(?![\w.])|(?<![\w.])\d{7,}(?![\w.])", re.IGNORECASE
)
SMTP = re.compile(
    r"(?<![\d.])[245]\d\d(?:[ -]?#?[245]\.\d{1,3}\.\d{1,3})?(?![\d.])|(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])"
)


def folded(text: str) -> str:
    """Return a text without what hides letters: percent signs and entities decoded, compatibility forms brought down,
    format characters and accents taken away."""
    for _ in range(2):
        text = html.unescape(unquote(text))
    letters = unicodedata.normalize("NFKD", text)
    return "".join(
        sign for sign in letters if unicodedata.category(sign) not in ("Cf", "Mn", "Me", "Cc") or sign == "\n"
    )


def names_a_provider(text: str) -> bool:
    """Tell whether a provider's name stands in a text, in any disguise."""
    return NAME.search(folded(text[:LONGEST])) is not None


def masked(text: str | None) -> str | None:
    """Return what a provider wrote with every provider's name cut out; None where nothing is left to say."""
    if text is None:
        return None
    shown = folded(text[:LONGEST])
    if not NAME.search(shown):
        return text[:LONGEST]
    shown = MASKED.sub(CUT, shown).strip()
    return shown if shown.strip(f"{CUT} ") else None


def reason_of(text: str | None) -> str | None:
    """Return why a mail came back: the mail server's own line from its code on, without hosts, addresses and numbers
    of messages. Where there is no code, the first line that says something."""
    if not text:
        return None
    shown = re.sub(r"<[^<>@]{0,200}>", " ", folded(text[:LONGEST]))
    lines = [line.strip() for line in shown.split("\n") if line.strip()]
    coded = next((line[found.start() :] for line in lines if (found := SMTP.search(line))), None)
    said = coded or next(iter(lines), "")
    for pattern in (ADDRESS, HOST, NUMERIC_HOST, ID):
        said = pattern.sub(" ", said)
    said = MASKED.sub(" ", said)
    said = re.sub(r"\s*[<>()\[\]{}]+\s*(?=[<>()\[\]{}]|$)", " ", said)
    return re.sub(r"\s+", " ", said).strip(" -–—:;,<>()[]")[:500] or None
