"""The controls of this simulator alone: what can be made to happen to a lead."""

from providers.simulators.kit.control import Control, Subject, UnclearError
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.store import Object, Store
from providers.simulators.smartlead import enrolment, events, inspection
from providers.simulators.smartlead.state import OPTIONS


def control(store: Store, faults: Faults, token: str | None) -> Control:
    """Return the controls."""
    subject = Subject(inspection.campaigns, inspection.campaign, inspection.leads, events.EVENTS, _play)
    return Control(store, faults, OPTIONS, token, subject)


def _play(store: Store, wanted: Object) -> Object:
    map_id = inspection.find_lead(store, wanted.get("campaign_id"), str(wanted.get("email", "")))
    who = None if map_id is None else enrolment.enrolment(store, map_id)
    if who is None:
        raise UnclearError(404, "the campaign has no such lead")
    step = int(wanted.get("sequence_number") or 1)
    with store.transaction():
        said = {key: wanted[key] for key in ("text", "by") if isinstance(wanted.get(key), str)}
        return events.happen(store, who, wanted["event"], step, **said)
