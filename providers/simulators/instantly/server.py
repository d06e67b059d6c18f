"""Runs the simulator: the provider on one port, its controls on another."""

from functools import partial
from typing import Unpack

from providers.simulators.instantly.accounts import open_workspace
from providers.simulators.instantly.app import Provider
from providers.simulators.instantly.control import control
from providers.simulators.instantly.limits import Limits
from providers.simulators.instantly.player import Player
from providers.simulators.instantly.state import OPTIONS, SWITCHES, open_store
from providers.simulators.instantly.webhooks.deliveries import ATTEMPTS, headers, noted
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.outbox import Courier
from providers.simulators.kit.server import Parts, Settings, run
from providers.simulators.kit.store import Store

RATE_LIMIT = "100/1,6000/60"


def serve(**settings: Unpack[Settings]) -> None:
    """Run the simulator until SIGTERM or SIGINT; off loopback the controls need a token."""
    run(settings, open_store, OPTIONS, _build)


def _build(store: Store, settings: Settings) -> Parts:
    with store.transaction():
        for api_key in settings["api_keys"]:
            open_workspace(store, api_key)
    faults = Faults(store, SWITCHES)
    provider = Provider(store, faults, Limits(settings.get("rate_limit", RATE_LIMIT), store.clock))
    courier = Courier(store, faults, headers=partial(headers, store), noted=partial(noted, store), attempts=ATTEMPTS)
    controls = control(store, faults, settings.get("control_token"))
    return Parts(provider.app(), controls.app(), [Player(store, faults).run(), courier.run()])
