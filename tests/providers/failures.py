"""What every verb of every provider must make of a failure: refused, put off, or never answered."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from providers.contract import Provider, ProviderClient
from providers.errors import Passing, ProviderError, Refused, Uncertain
from tests.providers.recording import VERBS
from tests.support.scripted import KEY, Scripted

Verb = Callable[[ProviderClient], Awaitable[Any]]
HOWS = ("refused", "held off", "lost")
ONCE = frozenset({"campaigns.create", "leads.add", "inbox.reply"})  # what must not be done again without asking


def verbs_called_on(provider: Provider) -> frozenset[str]:
    """Return the verbs that a provider gets requests for; the others are refused before."""
    uncalled = set[str]() if provider.features.lead_pause else {"leads.pause", "leads.resume"}
    uncalled |= {verb for verb in VERBS if verb.startswith("block_list.") and not provider.traits.block_list}
    if provider.capability == "linkedin_outreach":
        uncalled |= {"campaigns.put_settings"}  # they are all of mail
    return VERBS - uncalled


def failure(server: Scripted, provider: Provider, verb: Verb) -> ProviderError:
    """Return how a verb fails."""
    with pytest.raises(ProviderError) as caught:
        server.call(provider, verb)
    assert KEY not in f"{caught.value!s}{caught.value!r}"
    return caught.value


def holds(server: Scripted, provider: Provider, name: str, verb: Verb, how: str) -> None:
    """Let a verb's own request fail, and check the error against what it means. Nothing is tried again here."""
    if how == "lost":
        server.fails(httpx.ReadError("gone"))
        assert type(failure(server, provider, verb)) is (Uncertain if name in ONCE else Passing)
    else:
        status, kind = {"refused": (409, Refused), "held off": (429, Passing)}[how]
        server.says(status, {"message": "words"})
        error = failure(server, provider, verb)
        assert (type(error), error.status, error.permanent) == (kind, status, kind is Refused)
    assert server.received
