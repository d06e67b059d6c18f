"""The lead categories every account starts with."""

from providers.simulators.kit.store import Object

_BORN = "2022-10-20T08:37:45.853Z"
_SENTIMENTS = (
    ("Interested", "positive"),
    ("Meeting Request", "positive"),
    ("Not Interested", "negative"),
    ("Do Not Contact", "negative"),
    ("Information Request", "positive"),
    ("Out Of Office", None),
    ("Wrong Person", None),
)
CATEGORIES: list[Object] = [
    {"id": number, "created_at": _BORN, "name": name, "sentiment_type": sentiment}
    for number, (name, sentiment) in enumerate(_SENTIMENTS, start=1)
]


def named(category_id: int | None) -> Object | None:
    """Return a category by its id."""
    return next((category for category in CATEGORIES if category["id"] == category_id), None)
