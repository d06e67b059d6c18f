"""The record of what happened, from which all figures are counted."""

from providers.simulators.instantly.enrolment import Enrolment
from providers.simulators.kit.store import Store


def note(store: Store, who: Enrolment, kind: str, place: tuple[int, int] | None) -> bool:
    """Note that something happened at a step and variant; return whether it was the lead's first of this kind."""
    step, variant = place or (None, None)
    earlier = store.all("select step from happenings where lead_id = ? and kind = ?", who.lead["id"], kind)
    at = store.clock.stamp()
    store.insert(
        "happenings",
        {
            "workspace": who.workspace,
            "campaign": who.campaign["id"],
            "subsequence_id": who.lead["subsequence_id"],
            "lead_id": who.lead["id"],
            "eaccount": who.mailbox,
            "kind": kind,
            "step": step,
            "variant": variant,
            "day": at[:10],
            "at": at,
            "first": int(not earlier),
            "first_of_step": int(all(row["step"] != step for row in earlier)),
        },
    )
    return not earlier
