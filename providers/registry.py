"""Which providers there are, by the key under which partners name them."""

from providers.base import Provider
from providers.heyreach import HEYREACH
from providers.instantly import INSTANTLY
from providers.smartlead import SMARTLEAD

PROVIDERS: dict[str, Provider] = {"heyreach": HEYREACH, "instantly": INSTANTLY, "smartlead": SMARTLEAD}
