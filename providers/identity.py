"""One person, one spelling: the keys by which addresses, domains and LinkedIn profiles are compared.

Whatever a company gives, or a provider tells, is folded here and nowhere else; Postgres compares keys and refuses what
is not folded. A key is ASCII: an address is its local part in lower case before a domain of UTS 46, a profile is
`linkedin.com/in/` and its name. What is not ASCII in a name or a local part is written as `:` and two hexadecimal
digits for each byte of UTF-8; a colon stands in neither, so a key folds to itself and can be turned back into what a
provider takes.

Sources: UTS 46 (domains), RFC 8265 (the case and width of local parts), RFC 3986 (percent-encoding).
"""

import re
import unicodedata
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, quote, unquote_to_bytes, urlsplit

import idna

LONGEST_ADDRESS = 320
LONGEST_LOCAL = 64
LONGEST_DOMAIN = 253
LONGEST_NAME = 100  # of a profile, as the site allows
LONGEST_LINK = 2_000
SITE = "linkedin.com"
PROFILE = f"{SITE}/in/"
JOINERS = "\u200c\u200d"  # mean something inside a domain, and nothing elsewhere
WITHOUT_JOINERS = dict.fromkeys(map(ord, JOINERS))
# What Unicode calls default-ignorable beside format characters, and the blank pattern of Braille.
UNSEEN = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
LOCAL = re.compile(r"[^\s\"(),:;<>@\[\\\]\x00-\x20\x7f]+")
HALF = re.compile(r"[\ud800-\udfff]")  # of a character, as JSON can say it
PLAIN_LOCAL = re.compile(r"[a-z0-9!#$&'*+/=?^_`{|}~.-]", re.ASCII)
PLAIN_NAME = re.compile(r"[A-Za-z0-9._~-]", re.ASCII)
ESCAPED = re.compile(r"(?::[0-9a-f]{2})+")
# What the site calls a member by in its own links: a base64 text, whose case says who it is.
OPAQUE = re.compile(r"A[CE][A-Za-z0-9]AA[A-Za-z0-9_-]{3,95}(?![A-Za-z0-9_-])", re.ASCII)
URN = re.compile(r"(?i)urn:li:\w{1,40}:\(?([A-Za-z0-9_-]+)[^A-Za-z0-9_-]?.*")
AROUND = "<>()[]{}\"'`“”‘’«»„,;"
BEFORE = re.compile(rf"\A[\s{re.escape(AROUND)}]+")
END_OF_NAME = re.compile(r"[&;,\"'<>|\\^`{}()\[\]/?#\s“”‘’«»„？！（）［］｛｝，；、。％＆＃／＜＞〈〉《》「」]")
END_OF_TEXT = ".,!:*…%–—"  # what a sentence puts behind a link
PREFIXES = {(), ("mwlite",), ("comm",), ("m",)}
BY_ID = {("sales", "lead"), ("sales", "people"), ("talent", "profile"), ("mwlite", "profile")}
# Hosts that only send on, and the parameter that says where to; the search engine's under any country.
GOOGLE = re.compile(r"google\.(?:[a-z]{2,3}|com?\.[a-z]{2})")
SENDS_ON = ("/redir", "/safety", "/authwall", "/login", "/uas/", "/checkpoint", "/signup", "/m/login")
REDIRECTS = {
    "google": ("q", "url"), "safelinks.protection.outlook.com": ("url",), "l.facebook.com": ("u",),
    "lm.facebook.com": ("u",), "l.instagram.com": ("u",), "slack-redir.net": ("url",), "out.reddit.com": ("url",),
    "youtube.com": ("q",), "duckduckgo.com": ("uddg",), "urldefense.com": ("u",),
    SITE: ("url", "session_redirect", "sessionredirect"),
}  # fmt: skip


@lru_cache(maxsize=20_000)  # a whole list is folded twice, while it is read and while it is judged
def email_key(text: str | None) -> str | None:
    """Return the key of an email address, or None where the text is none that could be compared."""
    if text is None:
        return None
    local, at, domain = _wide(visible(text)).strip(AROUND).strip().rpartition("@")
    if not at or len(text) > LONGEST_LINK or any(each.isspace() for each in domain):
        return None
    local = BEFORE.sub("", _lower(_unescape(local.translate(WITHOUT_JOINERS))), count=1)
    folded = domain_key(domain)
    if folded is None or len(local) > LONGEST_LOCAL or not LOCAL.fullmatch(local) or "*" in local:
        return None
    return f"{_escape(local, PLAIN_LOCAL)}@{folded}"


@lru_cache(maxsize=8192)
def domain_key(text: str | None) -> str | None:
    """Return the key of a domain, in ASCII by UTS 46 and without `www.`, or None where the text is no domain."""
    if text is None or len(text) > LONGEST_LINK:
        return None
    try:
        mapped = idna.uts46_remap(visible(text).strip(AROUND), std3_rules=False)
    except idna.IDNAError:
        return None
    labels = [_label(each) for each in mapped.removesuffix(".").split(".")]
    while len(labels) > 2 and labels[0] == "www":
        del labels[0]
    known = [each for each in labels if each is not None]
    folded = ".".join(known)
    if len(known) < len(labels) or len(labels) < 2 or labels[-1].isdigit() or len(folded) > LONGEST_DOMAIN:  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
        return None
    return folded


@lru_cache(maxsize=8192)
def profile_key(text: str | None) -> str | None:
    """Return the key of a person's LinkedIn profile, or None where the text is no link to one.

    Only the site's own hosts count. A link that a mail program, a search engine or the site itself has wrapped is
    unwrapped; a company's page, a short link and any other site are no person's profile.
    """
    if text is None or len(text) > LONGEST_LINK:
        return None
    name = _name(visible(text).strip(AROUND), depth=0)
    if name is None:
        return None
    return f"{PROFILE}{_escape(name, PLAIN_NAME)}"


def domain_of(key: str) -> str:
    """Return the domain of an address's key."""
    return key.rpartition("@")[2]


def untagged(key: str) -> str:
    """Return an address's key without its tag: of `jo+news@…`, `jo@…`."""
    local, _, domain = key.rpartition("@")
    bare = local.partition("+")[0]
    return f"{bare}@{domain}" if bare else key


def address_of(key: str) -> str:
    """Return an address's key as mail programs take it: its domain stays in ASCII."""
    local, _, domain = key.rpartition("@")
    return f"{_unescape(local)}@{domain}"


def handed_over(key: str) -> str:
    """Return a key as the clients of providers take it: an address in ASCII's domain, a profile as it is."""
    return key if key.startswith(PROFILE) else address_of(key)


def shown(key: str) -> str:
    """Return a key as people read it."""
    return f"{PROFILE}{_unescape(key.removeprefix(PROFILE))}" if key.startswith(PROFILE) else address_of(key)


def same_address(text: object) -> str:
    """Return an address that a provider names as ours is handed over, so that the two can be compared."""
    given = str(text or "")
    key = email_key(given)
    return address_of(key) if key else given.strip().lower()


def profile_url(key: str) -> str:
    """Return a profile's key as a link, percent-encoded as the site itself does it."""
    return f"https://www.{PROFILE}{quote(_unescape(key.removeprefix(PROFILE)), safe='-._~')}"


def visible(text: str) -> str:
    """Return a text without what is not seen: format characters everywhere, joiners and white space around it.

    A text with half a character names no person, so nothing of it is left.
    """
    if text.isascii() or HALF.search(text):
        return text.strip() if text.isascii() else ""
    seen = "".join(
        each for each in text if each in JOINERS or not (unicodedata.category(each) == "Cf" or UNSEEN.fullmatch(each))
    )
    return seen.strip().strip(JOINERS).strip()


def _wide(text: str) -> str:
    """Return a text with full- and half-width characters as their ordinary ones, as RFC 8265 maps them."""
    if text.isascii():
        return text
    return "".join(
        unicodedata.normalize("NFKC", each) if unicodedata.east_asian_width(each) in "FH" else each for each in text
    )


def _lower(text: str) -> str:
    """Return a text in lower case and composed. Once more changes nothing."""
    for _ in range(4):
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower().replace("ς", "σ"))
        if folded == text:
            break
        text = folded
    return text


def _label(mapped: str) -> str | None:
    """Return one label of a mapped domain in ASCII, or None where it is none."""
    if mapped.isascii():
        if not LABEL.fullmatch(mapped):
            return None
        return mapped if not mapped.startswith("xn--") or _is_folded(mapped) else None
    try:
        return idna.alabel(mapped).decode()
    except idna.IDNAError:
        # Such as an emoji, which UTS 46 takes and IDNA 2008 does not; registries sell both.
        strange = any(
            each in JOINERS or (each.isascii() and not LABEL.fullmatch(each)) for each in mapped.replace("-", "a")
        )
        if strange or "-" in (mapped[0], mapped[-1]) or mapped[2:4] == "--":
            return None
        if unicodedata.category(mapped[0]).startswith("M"):
            return None
    encoded = "xn--" + mapped.encode("punycode").decode()
    return encoded if len(encoded) <= 63 else None


def _is_folded(label: str) -> bool:
    """Whether a label in ASCII stands for one that UTS 46 leaves as it is: no other spelling of the same name."""
    try:
        name = label[4:].encode().decode("punycode")
        mapped = idna.uts46_remap(name, std3_rules=False)
    except (UnicodeError, idna.IDNAError):
        return False
    return bool(name) and not name.isascii() and mapped == name and _label(mapped) == label


def _name(text: str, depth: int) -> str | None:
    """Return who a link names: a profile's own name in lower case, or an opaque id as it is."""
    if urn := URN.fullmatch(text):
        return urn[1] if OPAQUE.fullmatch(urn[1]) else None
    try:
        parts = urlsplit(text if "://" in text else f"https://{text.lstrip('/')}")
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.username is not None:
        return None
    if host == SITE or host.endswith(f".{SITE}"):
        found = _member(parts)
        if found is not None:
            return found
    return _behind(host, parts, depth)


def _member(parts: SplitResult) -> str | None:
    """Return the member that a link on the site itself names."""
    path = [each for each in parts.path.split("/") if each]
    lower = [each.lower() for each in path]
    for at in range(min(len(path) - 1, 2)):
        if lower[at] == "in" and tuple(lower[:at]) in PREFIXES:
            return _folded_name(path[at + 1])
    by_id = path[2] if len(path) > 2 and tuple(lower[:2]) in BY_ID else ""
    if lower[:2] == ["profile", "view"]:
        by_id = dict(parse_qsl(parts.query)).get("id", "")
    found = OPAQUE.match(by_id)
    return found[0] if found else None


def _folded_name(raw: str) -> str | None:
    """Return a profile's name as far as it goes, in lower case; None where it is none. Once more changes nothing."""
    name = raw
    for _ in range(6):  # some tools encode what is encoded already
        before = name
        name = unicodedata.normalize("NFC", _wide(_unescape(_decoded(END_OF_NAME.split(name)[0]))))
        name = END_OF_NAME.split(visible(name))[0].partition(":")[0]  # what is escaped was read before
        name = "".join(each for each in name if each not in JOINERS).rstrip(END_OF_TEXT)
        if name == before:
            break
    else:
        return None
    if not any(each.isalnum() for each in name) or not name.isprintable():
        return None
    unpadded = name.rstrip("=")  # as base64 ends where a tool pads it
    folded = unpadded if OPAQUE.fullmatch(unpadded) else _lower(name)
    return folded if len(folded) <= LONGEST_NAME else None


def _decoded(text: str) -> str:
    if "%" not in text:
        return text
    raw = unquote_to_bytes(text)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _behind(host: str, parts: SplitResult, depth: int) -> str | None:
    """Return the member that the link behind a known redirect names."""
    if depth == 3:
        return None
    bare = host.removeprefix("www.")
    for known, names in REDIRECTS.items():
        ours = GOOGLE.fullmatch(bare) if known == "google" else bare == known or bare.endswith(f".{known}")
        if not ours or (known == SITE and not parts.path.lower().startswith(SENDS_ON)):
            continue
        for name, value in parse_qsl(parts.query):
            if name.lower() in names and "://" in value:
                return _name(visible(value).strip(AROUND), depth + 1)
    return None


def _escape(text: str, plain: re.Pattern[str]) -> str:
    escaped = {each: "".join(f":{byte:02x}" for byte in each.encode()) for each in plain.sub("", text)}
    return text.translate(str.maketrans(escaped)) if escaped else text


def _unescape(text: str) -> str:
    """Return what a key's local part or name stands for. What is no UTF-8 was not written by `_escape`, and stays."""

    def read(found: re.Match[str]) -> str:
        try:
            return bytes.fromhex(found[0].replace(":", "")).decode()
        except UnicodeDecodeError:
            return found[0]

    return ESCAPED.sub(read, text)
