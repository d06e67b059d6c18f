"""Which providers there are, by the key under which partners name them."""

from providers.base import Provider
from providers.smartlead import SMARTLEAD

PROVIDERS: dict[str, Provider] = {"smartlead": SMARTLEAD}
