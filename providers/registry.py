"""Which providers there are, by the key under which partners name them."""

from providers.base import Provider
from providers.instantly import INSTANTLY
from providers.smartlead import SMARTLEAD

PROVIDERS: dict[str, Provider] = {"instantly": INSTANTLY, "smartlead": SMARTLEAD}
