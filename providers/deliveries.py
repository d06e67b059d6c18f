"""What the readers of all providers' webhooks share: bodies, texts and moments, as far as Postgres can store them."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from providers.models import UnreadableWebhookError
from providers.reading import as_list, as_mapping

EMAIL = re.compile(r"[^\s<>]+@[^\s<>]+\.[^\s<>]+")
LONGEST_TEXT = 2000
LONGEST_ADDRESS = 500
LONGEST_KEY = 300

Body = Mapping[str, Any]


def bodies_of(raw: bytes) -> list[Body]:
    """Return the bodies of one delivery: one object, or several in an array. UnreadableWebhookError for all else."""
    try:
        document: object = json.loads(raw)
    except (ValueError, RecursionError):
        raise UnreadableWebhookError("not_json") from None
    bodies = [as_mapping(item) for item in as_list(document) or [document]]
    if not all(bodies):
        raise UnreadableWebhookError("not_an_object")
    return bodies


def text_of(value: Any) -> str:
    """Return text without NUL, which Postgres cannot store, and without lone surrogates, which UTF-8 cannot."""
    if value is None or isinstance(value, dict | list | bool):
        return ""
    return str(value).replace("\0", "").encode("utf-8", "replace").decode()


def moment_of(value: object) -> datetime | None:
    """Return a moment in UTC, which it is in where it names no zone; None for what is no moment."""
    try:
        moment = datetime.fromisoformat(text_of(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def digest(text: str) -> str:
    """Return the SHA-256 of a text in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def bounded_key(key: str) -> str:
    """Return a fact's key, or its digest where it is longer than a key may be."""
    return key if len(key) <= LONGEST_KEY else f"sha256:{digest(key)}"
