"""Entries of a do-not-contact list: what they mean is made of what was given, or they are refused with the reason.

An entry that could match nobody is worse than none: whoever gave it believes that somebody is not written to any more.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from publicsuffixlist import PublicSuffixList

from api.http.addresses import is_address
from providers.identity import AROUND, address_of, domain_key, email_key, profile_key, untagged, visible

SUFFIXES = PublicSuffixList(only_icann=True, accept_unknown=False)
KINDS = ("email", "domain", "linkedin_url")
LONGEST = 500
SCHEME = re.compile(r"(?i)(?:https?|ftp|mailto):/{0,3}|[a-z][a-z0-9+.-]{0,20}://")
PORT = re.compile(r":\d{1,5}$")
NAMED = re.compile(r".*<([^<>]+)>\W*", re.DOTALL)
MAILBOX = re.compile(r"[^\s<>\"',;]+@[^\s<>\"',;]+")
PROFILES = re.compile(
    r"(?i)linkedin\.com/(?:mwlite/|comm/|m/)?(?:in|sales/lead|sales/people|talent/profile|profile/view)/"
)
# Sites on which a page is one person's or company's, and shorteners: no entry means everybody there.
OF_MANY = (
    "linkedin.com", "lnkd.in", "facebook.com", "fb.com", "instagram.com", "x.com", "twitter.com", "t.co", "xing.com",
    "youtube.com", "github.com", "bit.ly", "calendly.com", "crunchbase.com", "tiktok.com", "medium.com",
)  # fmt: skip
BEHIND = re.compile(r"[/?#\\]")
REASONS = {
    "invalid_email": "This is no email address.",
    "invalid_domain": "This is no domain, as in example.com.",
    "invalid_linkedin_url": "This is no link to a person's profile, as in https://www.linkedin.com/in/…",
    "names_an_address": "This is an address; give it as `email`.",
    "names_a_profile": "This is one page of a site; give a profile as `linkedin_url`, or a domain of their own.",
    "public_suffix": "Everybody under this suffix would be covered; name a domain below it.",
    "several": "Give one address, domain or profile to an entry.",
    "pattern": "Patterns are not matched; name an address, or its domain.",
}


class EntryError(ValueError):
    """What was given can match nobody, or everybody; `code` is one of REASONS."""

    def __init__(self, code: str) -> None:
        super().__init__(REASONS[code])
        self.code = code


@dataclass(frozen=True)
class Entry:
    """What a list holds: `value` as given and repaired, `key` as it is compared."""

    kind: str
    value: str
    key: str


def read_entry(kind: str, given: str, *, tags: bool = False) -> Entry:
    """Return what an entry of a kind means. With `tags` an address stands for all its tags, so its own goes.

    Raises EntryError for what names nobody, or everybody.
    """
    given = visible(given)
    text = given.strip(AROUND).strip()
    if _are_several(kind, text):
        raise EntryError("several")
    if kind == "linkedin_url":
        return _entry(kind, text, profile_key(given), "invalid_linkedin_url")
    if kind == "domain":
        return _domain(text)
    text = _address(given)
    if text.startswith(("@", "*@")):  # everybody at a domain, as people write it
        return _domain(text.partition("@")[2])
    if "*" in text:
        raise EntryError("pattern")
    key = email_key(text)
    if key and tags and key.startswith("+"):
        raise EntryError("invalid_email")  # there is no address without this tag
    if key and not is_address(address_of(key)):
        raise EntryError("invalid_email")  # no lead could have it
    return _entry(kind, text, untagged(key) if key and tags else key, "invalid_email")


def _are_several(kind: str, text: str) -> bool:
    """Whether a value holds more than one entry: only one of them would be listed."""
    if kind == "email":
        named = {email_key(each) for each in MAILBOX.findall(text)}
        return len(named) > 1 if named and None not in named else text.count("@") > 1
    if kind == "linkedin_url":
        together = re.search(r"[\s,;|，；、]+(?:https?://|www\.|linkedin)", text, re.IGNORECASE) is not None
        return together or len(PROFILES.findall(text)) > 1
    if "://" not in text:
        return re.search(r"[\s,;|，；、]", text) is not None
    return text.count("://") > 1 or re.search(r"\s", text) is not None


def kind_of(given: str) -> str:
    """Return what a value without a kind is, as in a list of one column."""
    text = visible(given).strip(AROUND)
    if PROFILES.search(text) or profile_key(text):
        return "linkedin_url"
    return "email" if "@" in text or "＠" in text else "domain"


def _address(given: str) -> str:
    """Return the address in what was given: behind a name, or in a link, whose signs are percent-encoded."""
    found = NAMED.fullmatch(given)
    text = (found[1] if found else given).strip().strip(AROUND).strip()
    link = re.match(r"(?i)mailto:/{0,2}", text)
    if link:
        return unquote(text[link.end() :].partition("?")[0]).rstrip(".:!").strip()
    local, at, domain = text.rpartition("@")
    return f"{local}{at}{domain.partition('?')[0]}".rstrip(".:!").strip()


def _domain(text: str) -> Entry:
    scheme = SCHEME.match(text)
    text, *path = BEHIND.split(text[scheme.end() :] if scheme else text, maxsplit=1)
    host = domain_key(PORT.sub("", text)) or ""
    if any(path) and any(host == site or host.endswith(f".{site}") for site in OF_MANY):
        raise EntryError("names_a_profile")
    text = PORT.sub("", text.strip().strip(AROUND)).rstrip(".:!")
    if "@" in text:
        if text.partition("@")[0].strip("*"):
            raise EntryError("names_an_address")
        text = text.partition("@")[2]
    text = re.sub(r"^(?:\*?\.)+", "", text)
    if "*" in text:
        raise EntryError("pattern")
    key = domain_key(text)
    if SUFFIXES.is_public(key or text.lower()):
        raise EntryError("public_suffix")
    return _entry("domain", text, key, "invalid_domain")


def _entry(kind: str, value: str, key: str | None, code: str) -> Entry:
    if key is None or len(value) > LONGEST:
        raise EntryError(code)
    return Entry(kind, value, key)
