"""The two other spellings of a moment that the provider mixes with the `Z` of its answers."""


def with_offset(text: str) -> str:
    """Turn the `Z` spelling into the `+00:00` spelling, as most webhooks have it."""
    return text.removesuffix("Z") + "+00:00"


def whole_seconds(text: str) -> str:
    """Turn the `Z` spelling into `+00:00` without milliseconds, as reply webhooks have it."""
    return text.partition(".")[0] + "+00:00"
