"""How people are searched: by the beginnings of names, companies and addresses, without case and accents."""

import unicodedata

LONGEST = 100
DROPPED = frozenset("'’ʼ`´.")


def search_key(text: str | None) -> str | None:
    """Return a name as it is compared, or None where there is nothing to compare."""
    plain = unicodedata.normalize("NFKD", (text or "")[:LONGEST])
    signs = (sign for sign in plain.casefold() if sign not in DROPPED and not unicodedata.combining(sign))
    words = "".join(sign if sign.isalnum() else " " for sign in signs).split()
    return " ".join(words)[:LONGEST] or None


def search_keys(first_name: str | None, last_name: str | None, company_name: str | None) -> dict[str, str | None]:
    """Return what a search compares of a person; the database puts the names together."""
    return {
        "first_key": search_key(first_name),
        "last_key": search_key(last_name),
        "company_key": search_key(company_name),
    }
