"""Which column of somebody's file is what: by its name, and by what its cells hold where the name does not say."""

import json
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from api.errors import Unprocessable
from api.http.addresses import is_address
from providers.identity import profile_key

NAMES: dict[str, list[str]] = tomllib.loads(Path(__file__).with_name("columns.toml").read_text("utf-8"))
KNOWN: dict[str, tuple[str, int]] = {
    name: (field, place) for field, names in NAMES.items() for place, name in enumerate(names)
}
FIELDS = ("email", "linkedin_url", "first_name", "last_name", "company_name", "source", "source_at")
CUSTOM_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,49}")
LONGEST_NAME = 200  # signs of a header cell that are looked at
FEW = 4  # cells that tell nothing of whether they are all the same
PRIVATE = re.compile(r"(?:^|_)(?:personal|private|privat|home)(?:_|$)")
MOSTLY = 0.5
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Names that do not say it, and may be what their cells hold. What is somebody else's, or a company's, never is.
MAY_BE = {
    "email": re.compile(r"mail|correo|courriel|messag|posta|contact|kontakt|contatto|addres|adress|direc|indirizzo|^$"),
    "linkedin_url": re.compile(r"linkedin|profil|perfil|url|link|lien|enlace|web|site|social|member|person|contact|^$"),
}
OF_OTHERS = re.compile(
    r"compan|organi[sz]a|account|employer|firma|unternehm|societe|entreprise|empresa|aziend|general|manager|referr|"
    r"owner|assist|recruit|superv|boss|colleague|kolleg|sender|reply_to|introduc|invit|assign|created|modified|"
    r"recommend|unsubscribe|opt_out|supplier|partner|spouse|mutual|shared|user|agent|propriet|propiet|inhaber|"
    r"besitzer|zustandig|verantwort|mitarbeiter|betreuer|vorgesetzt|chef|responsable|responsabile|commercial|gestor|"
    r"asignad|assegnat|zugewiesen|erstellt|utilisateur|usuario|utente|benutzer|vertrieb|"
    r"(?:^|_)(?:by|cc|from|von|par|por|da|sdr|bdr|rep|csm)(?:_|$)"
)
# What is said of an address and is none.
ABOUT = re.compile(r"(?:^|_)(?:type|typ|status|source|count|date|domain|subject|body|template|score|verified)(?:_|$)")
OF_A_PERSON = re.compile(r"^(?:person|contact|lead|prospect|kontakt|contacto|contatto)_")


@dataclass(frozen=True)
class Column:
    """One column: its name as it stands in the file, and the field that it fills: one of FIELDS, `custom.<key>`, or
    None where it is left out. One that could be another field's, like a second address, stands in for it where that
    is empty."""

    name: str
    field: str | None
    stands_in: str | None = None


def slug(name: str) -> str:
    """Return a header in the spelling in which names are compared."""
    plain = unicodedata.normalize("NFKD", name[:LONGEST_NAME].strip())
    if not re.search(r"[\s_.\-]", plain):
        plain = HUMP.sub("_", plain)
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign)).lower().replace("ß", "ss")
    plain = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return re.sub(r"(^|_)linked_in(_|$)", r"\1linkedin\2", re.sub(r"(^|_)e_mail(_|$)", r"\1email\2", plain))


def known_as(slugged: str) -> tuple[str, int] | None:
    """Return the field that a name is known for, and its place among the names of that field."""
    return KNOWN.get(slugged) or KNOWN.get(OF_A_PERSON.sub("", slugged))


def rank(names: Sequence[str], said: Mapping[str, str | None] | None = None) -> int:
    """Return how many names of a header are known, or said; 0 where none of them can name a person."""
    known = [found[0] for found in map(known_as, {slug(name) for name in names}) if found]
    mapped = [name for name in names if name.strip() in said] if said else []
    if not ({"email", "linkedin_url", "link"} & set(known) or mapped):
        return 0
    return len(known) + 2 * len(mapped)


def columns_of(
    names: Sequence[str], sample: Sequence[Sequence[str]], said: Mapping[str, str | None] | None = None
) -> list[Column]:
    """Return what each column of a file is. `sample` are some of its rows, `said` is what the caller's `map` says.

    Raises Unprocessable where the map names what is not there, or nobody can be found by any column.
    """
    said = said or {}
    if unknown := [name for name in said if name not in {each.strip() for each in names}]:
        raise Unprocessable(
            f"`map` names a column that is not in the file: {unknown[0]!r}. The file has "
            f"{', '.join(repr(name.strip()) for name in names[:30])}.",
            code="map_unknown_column",
        )
    slugs = [slug(name) for name in names]
    fields: list[str | None] = [None] * len(names)
    given = [False] * len(names)
    for place, name in enumerate(names):
        if name.strip() in said and name.strip() not in map(str.strip, names[:place]):  # of two of one name, the first
            fields[place], given[place] = said[name.strip()], True
    taken = [field for field in fields if field is not None]
    for field in FIELDS:
        if field in taken:
            continue
        place = _best(field, slugs, given, sample)
        if place is not None:
            fields[place], given[place] = field, True
    if not {"email", "linkedin_url"} & set(fields):
        # Nothing in it is a profile: then each row is to say so.
        named = (place for place, name in enumerate(slugs) if (known_as(name) or ("",))[0] == "linkedin_url")
        if (place := next((each for each in named if not given[each]), None)) is not None:
            fields[place], given[place] = "linkedin_url", True
    if not {"email", "linkedin_url"} & set(fields):
        raise Unprocessable(_no_column(names), code="email_column_missing")
    return _named(names, slugs, fields, given)


def _best(field: str, slugs: Sequence[str], given: Sequence[bool], sample: Sequence[Sequence[str]]) -> int | None:
    """Return the column that is a field, or None."""
    free = [place for place, is_given in enumerate(given) if not is_given]
    named = sorted((found[1], place) for place in free if (found := known_as(slugs[place])) and found[0] == field)
    holds = HOLDS.get(field)
    if holds is None:
        return named[0][1] if named else None
    if filled := [place for _, place in named if _share(sample, place, holds) > 0]:
        return filled[0]
    likely = [place for place in free if _may_be(field, slugs[place]) and _varies(sample, place)]
    share, negative = max(((_share(sample, place, holds), -place) for place in likely), default=(0.0, 0))
    if share >= MOSTLY:
        return -negative
    # Where nothing is right, the column whose name says so is to say it row by row; an empty one does no harm.
    return next((place for _, place in named if field == "email" or not _cells(sample, place)), None)


def _may_be(field: str, slugged: str) -> bool:
    """Whether a column may be what its cells are, though its name does not say so."""
    return bool(MAY_BE[field].search(slugged)) and not OF_OTHERS.search(slugged) and not ABOUT.search(slugged)


def _varies(sample: Sequence[Sequence[str]], place: int) -> bool:
    """Whether a column is not the same for everybody, as a colleague's address is."""
    cells = _cells(sample, place)
    return len(cells) < FEW or len(set(cells)) * 2 > len(cells)


def _cells(sample: Sequence[Sequence[str]], place: int) -> list[str]:
    return [row[place].strip()[:500] for row in sample if place < len(row) and row[place].strip()]


def _share(sample: Sequence[Sequence[str]], place: int, holds: Callable[[str], bool]) -> float:
    cells = _cells(sample, place)
    return sum(map(holds, cells)) / len(cells) if cells else 0.0


def _is_profile(cell: str) -> bool:
    return "linkedin" in cell.lower() and profile_key(cell) is not None


HOLDS: dict[str, Callable[[str], bool]] = {"email": is_address, "linkedin_url": _is_profile}


def _no_column(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name.strip()) for name in names[:20])
    if any(is_address(name.strip()) for name in names):
        return f"The first row is a person, {shown}, and not the names of the columns: put those above it."
    return (
        f"No column is known to hold addresses or profiles: the header row read is {shown}. Name a column `email` or "
        '`linkedin_url`, or say which it is with `map`, as in ?map={"Their column": "email"}.'
    )


def _named(names: Sequence[str], slugs: Sequence[str], fields: list[str | None], given: Sequence[bool]) -> list[Column]:
    """Return every column with a field; what is none of ours is a custom field under a key that nothing else has."""
    keys = Counter(field for field in fields if field)
    columns: list[Column] = []
    for place, name in enumerate(names):
        field, stands_in = fields[place], None
        if field is None and not given[place]:
            stands_in = next((each for each in HOLDS if each in fields and _stands_in(each, slugs[place])), None)
            field = f"custom.{_free_key(_custom_key(slugs[place], place), keys)}"
            keys[field] += 1
        columns.append(Column(name.strip(), field, stands_in))
    return columns


def _stands_in(field: str, slugged: str) -> bool:
    """Whether a column's cell is taken where the field's own is empty. A private address is not, unasked."""
    return _may_be(field, slugged) and not PRIVATE.search(slugged)


def _custom_key(slugged: str, place: int) -> str:
    key = re.sub(r"^custom_(?=[a-z])", "", slugged)
    if key[:1].isdigit():
        key = f"c_{key}"
    return key[:50].rstrip("_") or f"column_{place + 1}"


def _free_key(key: str, keys: Counter[str]) -> str:
    if f"custom.{key}" not in keys:
        return key
    number = 2
    while f"custom.{key[:46]}_{number}" in keys:
        number += 1
    return f"{key[:46]}_{number}"


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name.strip() for name, _ in pairs]
    if len(set(names)) < len(names):
        raise Unprocessable("`map` names a column twice.", code="map_invalid")
    return dict(pairs)


def read_map(text: str) -> dict[str, str | None]:
    """Return what the query parameter `map` says. Raises Unprocessable for what cannot be."""
    try:
        document = json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Unprocessable('`map` is a JSON object, like {"Their column": "first_name"}.', code="map_invalid")
    read: dict[str, str | None] = {}
    for name, field in cast("dict[str, Any]", document).items():
        key = field.removeprefix("custom.") if isinstance(field, str) else ""
        if field is None or field in FIELDS:
            read[name.strip()] = field
        elif CUSTOM_KEY.fullmatch(key):
            read[name.strip()] = f"custom.{key}"
        else:
            raise Unprocessable(
                f"`map` gives {name!r} a field that there is none of; take one of {', '.join(FIELDS)}, "
                "custom.<key>, or null to leave the column out.",
                code="map_invalid",
            )
    fields = [field for field in read.values() if field]
    if len(set(fields)) < len(fields):
        raise Unprocessable("`map` gives two columns the same field.", code="map_invalid")
    return read
