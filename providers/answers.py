"""Whether an answer was written by a person: machines answer too, that a person is away or that a mail came back.

Three things are looked at: what the provider says of it, the answer's own subject, and its words. A subject that a mail
program writes before others' is decisive unless the words are plainly a person's; words alone need two signs of a
machine and none of a person, because an answer that is lost is worse than one that is taken for a person's. A desk's
receipt has a number or a time besides; that a colleague has left is a machine's where a formal word and an
address follow; and neither of them says "I".

The words, of the languages in which most business mail is written, are in `answers.toml`. Sources: the subjects that
Outlook, Exchange, Gmail, Lotus Notes and Zimbra write, RFC 3834 (automatic answers) and RFC 3464 (delivery reports).
"""

import dataclasses
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from itertools import chain
from pathlib import Path
from typing import cast

from babel.dates import get_month_names

from providers.bounces import bounce_data
from providers.labels import Label
from providers.models import Fact, ProviderEvent

LONGEST = 4_000  # characters of an answer that are looked at
YEAR = timedelta(days=366)
LOCALES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "fi", "cs", "ru", "tr")
DAEMONS = re.compile(
    r"(?i)(?:.{0,100}<)?(?:mailer[-_.]?daemon|postmaster|mail[-_.]?daemon|microsoftexchange[0-9a-f]{20,40})@.*"
)
STATUS = re.compile(r"(?<![\w.])[45]\d\d[ -]#?[45]\.\d{1,3}\.\d{1,3}(?![\w.])")  # as mail servers write it: RFC 3463
LINK = re.compile(r"https?://\S+")
QUESTION = re.compile("[?\uff1f\u061f]")
WORDS = re.compile(r"\S+\s*")
ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
CJK = re.compile(r"(?:(\d{4})年)?\s*(\d{1,2})月\s*(\d{1,2})[日号]")
UNTIL_BEHIND = re.compile(r"[\s()\uff08\uff09月火水木金土日曜]*(?:まで|迄|止|까지)")
DAY_FIRST = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|er|\.|º|°)?\s*(?:of |de |di )?([^\W\d_]{3,12})\.?(?:,?\s*(?:de |del )?(\d{4}))?"
)
MONTH_FIRST = re.compile(r"([^\W\d_]{3,12})\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?!\d)(?:,?\s*(\d{4}))?")
NUMERIC = re.compile(r"(\d{1,2})([./-])(\d{1,2})(?:\2(\d{4}|\d{2}))?")


@cache
def _words() -> Mapping[str, re.Pattern[str]]:
    """Return the patterns of `answers.toml` by kind, all languages in one."""
    given = tomllib.loads(Path(__file__).with_name("answers.toml").read_text())
    between = chain.from_iterable(given.pop("between").values())
    dates = "|".join(map(re.escape, (*between, *(month for month in months() if len(month) > 2))))
    when = rf"(?:(?:{dates}|\S{{0,6}}\d\S{{0,6}})[.,]? ){{0,9}}"
    joined = {
        kind: "|".join(chain.from_iterable(each.values())).replace("{when}", when) for kind, each in given.items()
    }
    # A person's answer may have the subject of our own mail: what is before it has to be set off.
    set_off = r"\s*(?:[:：|\[(–—-]|$|re\b|aw\b)"
    joined["automatic"] = rf"\W*(?:{joined['automatic']}){set_off}"
    joined["away"] = rf"\W*(?:{joined['away']}){set_off}"
    joined["failed"] = rf"\W*(?:{joined['failed']}){set_off}"
    joined["report"] = rf"\W*(?:{joined['report']})"
    joined["to"] = rf"(?<![\d./-])\d{{1,2}}(?:\.|st|nd|rd|th)? ?(?:[^\W\d_]{{3,12}}\.? )?(?:{joined['to']}) ?"
    joined["urgent"] = rf"(?:{joined['strong']})[^.!?\n。]{{0,160}}"
    joined["until"] = rf"(?<!\w)(?:{joined['until']})\s*"
    return {kind: re.compile(pattern) for kind, pattern in joined.items()}


def judged(
    event: ProviderEvent,
    text: str,
    *,
    subject: str | None = None,
    label: Label | None = None,
    is_automatic: bool = False,
) -> ProviderEvent:
    """Return an answer as the fact that it is: a person's, a machine's with `until` when, or a mail that came back.

    `subject` is the answer's own, None where the provider gives only that of our mail. `label` is what the provider
    makes of its words, which a person's own words outweigh; `is_automatic` what it saw in the mail's head. The fact's
    key stays: however an answer is heard of again, it has been heard of.
    """
    if event.fact is not Fact.REPLIED:
        return event
    sender = str(event.data.get("from") or "")
    kind = kind_of(text, subject=subject, sender=sender, label=label, is_automatic=is_automatic)
    if kind is Fact.BOUNCED and "channel" in event.data:
        return event  # what is written on LinkedIn reports on no mail
    data = dict(event.data)
    if kind is Fact.AUTO_REPLIED:
        data["until"] = _stated(stated_until(f"{subject or ''}\n{text}", event.occurred_at))
    elif kind is Fact.BOUNCED:
        data = {"step": data.get("step"), "subject": data.get("subject"), **bounce_data(text)}
    return dataclasses.replace(event, fact=kind, data=data)


def kind_of(
    text: str,
    *,
    subject: str | None = None,
    sender: str = "",
    label: Label | None = None,
    is_automatic: bool = False,
) -> Fact:
    """Return REPLIED for a person's answer, AUTO_REPLIED for a machine's, BOUNCED for a report that a mail failed."""
    words, title, said = _words(), _folded(subject or ""), _folded(text)
    unlinked = LINK.sub(" ", said)
    # Who is to be called in urgent cases stands in the words of machines, which are those of people.
    unurged = words["urgent"].sub(" ", unlinked)
    is_a_persons = QUESTION.search(unurged) or words["person"].search(unurged)
    is_report = "@" in said and words["report"].match(said) and (not is_a_persons or STATUS.search(said))
    if DAEMONS.fullmatch(sender.strip()[:LONGEST]) or words["failed"].match(title) or is_report:
        return Fact.BOUNCED
    is_absent = words["absent"].search(said)
    is_desks = words["received"].search(said) and words["desk"].search(said)
    is_leavers = words["left"].search(said) and "@" in said and words["formally"].search(said)
    is_impersonal = (is_desks or is_leavers) and not words["first_person"].search(unlinked)
    if (
        is_automatic
        or ((is_absent or not said) and (words["automatic"].match(title) or words["away"].match(title)))
        or (
            not is_a_persons
            and (
                label == "out_of_office"
                or words["automatic"].match(title)
                or (words["says_so"].search(said) and not words["stop"].search(said))
                or (is_absent and (words["strong"].search(said) or _has_two(words["further"], said)))
                or is_impersonal
            )
        )
    ):
        return Fact.AUTO_REPLIED
    return Fact.REPLIED


def _has_two(pattern: re.Pattern[str], said: str) -> bool:
    """Tell whether two different signs of a kind are in a text."""
    return len({found[0] for found in pattern.finditer(said)}) > 1


def stated_until(text: str, written: datetime | None) -> date | None:
    """Return the day until which a person is away, as the text states it; a year that is left out is the next."""
    said, today = _folded(text), written.date() if written else None
    days = list(_days(said, today))
    return max((day for day in days if today is None or today <= day <= today + YEAR), default=None)


def _days(said: str, today: date | None) -> Iterator[date]:
    """Yield the days that a text states as an absence's end, or as what may be its beginning."""
    for found in _words()["until"].finditer(said):
        at = found.end()
        for _ in range(4):  # a day of the week, an article
            if (day := _day(said[at : at + 40], today)) is not None:
                yield day
                break
            following = WORDS.match(said, at)
            if following is None:
                break
            at = following.end()
    for found in _words()["to"].finditer(said):
        if (day := _day(said[found.end() : found.end() + 40], today)) is not None:
            yield day
    for found in CJK.finditer(said):
        if UNTIL_BEHIND.match(said, found.end()) and (day := _made(found[1], found[2], found[3], today)):
            yield day


def _day(text: str, today: date | None) -> date | None:
    """Return the day with which a text begins, in any of its usual forms."""
    if found := ISO.match(text) or CJK.match(text):
        return _made(found[1], found[2], found[3], today)
    if found := DAY_FIRST.match(text):
        month, day = months().get(found[2]), found[1]
    elif found := MONTH_FIRST.match(text):
        month, day = months().get(found[1]), found[2]
    else:
        return _numeric(text, today)
    return _made(found[3], str(month), day, today) if month else None


def _numeric(text: str, today: date | None) -> date | None:
    found = NUMERIC.match(text)
    if found is None:
        return None
    first, second = int(found[1]), int(found[3])
    if found[2] == "/" and first <= 12 and second <= 12 and first != second:
        return None  # which of them is the month depends on who wrote it
    day, month = (second, first) if second > 12 else (first, second)
    year = found[4] and (found[4] if len(found[4]) == 4 else f"20{found[4]}")
    return _made(year, str(month), str(day), today)


def _made(year: str | None, month: str, day: str, today: date | None) -> date | None:
    try:
        if year:
            return date(int(year), int(month), int(day))
        if today is None:
            return None
        found = date(today.year, int(month), int(day))
        return found if found >= today else date(today.year + 1, int(month), int(day))
    except ValueError:
        return None


@cache
def months() -> Mapping[str, int]:
    """Return the number of each month by its names, long and short, folded."""
    found: dict[str, int] = {}
    for locale in LOCALES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                names = cast("Mapping[int, str]", get_month_names(width, context, locale))
                found = {_folded(name).rstrip("."): number for number, name in names.items()} | found
    return found


def _stated(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _folded(text: str) -> str:
    """Return a text in lower case and without accents, in which one blank parts words."""
    apart = unicodedata.normalize("NFKD", text[:LONGEST]).casefold()
    plain = "".join(each for each in apart if not unicodedata.combining(each) or "\u3040" <= each <= "\u30ff")
    return " ".join(unicodedata.normalize("NFC", plain).replace("ł", "l").replace("ø", "o").split())
