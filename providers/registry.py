"""Which providers there are, by the key under which partners name them. A new one is a folder and one line here."""

from providers.contract import Provider
from providers.heyreach import HEYREACH
from providers.instantly import INSTANTLY
from providers.smartlead import SMARTLEAD

PROVIDERS: dict[str, Provider] = {provider.key: provider for provider in (SMARTLEAD, INSTANTLY, HEYREACH)}
