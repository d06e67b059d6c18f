"""A person's tags."""

from starlette.responses import Response

from providers.simulators.heyreach.leads import profiles
from providers.simulators.heyreach.leads.leads import PROFILE, person_of
from providers.simulators.heyreach.requests import Call, Routes, answer, empty, refusal
from providers.simulators.heyreach.validation import Fields, Required, array, choice, flag, model, text
from providers.simulators.heyreach.webhooks import publishing

routes = Routes()

COLORS = ("Blue", "Green", "Purple", "Pink", "Red", "Cyan", "Yellow", "Orange")
_TAGS: Fields = {
    "leadProfileUrl": text(),
    "leadLinkedInId": text(),
    "tags": Required(array(text())),
    "createTagIfNotExisting": flag,
}


@routes.on("POST", "/lead/GetTags", body=PROFILE)
def read_tags(call: Call) -> Response:
    """Read a person's tags in the order of the alphabet."""
    return answer({"tags": profiles.tags(call.store, person_of(call, call.body["profileUrl"])["id"])})


@routes.on("POST", "/lead/AddTags", body=_TAGS)
def add_tags(call: Call) -> Response:
    """Tag a person and name the tags that are new to it; missing tags are made unless that is forbidden."""
    return _tag(call, create=call.body["createTagIfNotExisting"] is not False, replace=False)


@routes.on("POST", "/lead/ReplaceTags", body=_TAGS)
def replace_tags(call: Call) -> Response:
    """Give a person exactly these tags; missing ones are made only with `createTagIfNotExisting`."""
    return _tag(call, create=bool(call.body["createTagIfNotExisting"]), replace=True)


def _tag(call: Call, *, create: bool, replace: bool) -> Response:
    person = person_of(call, call.body["leadProfileUrl"], call.body["leadLinkedInId"])
    wanted = list(dict.fromkeys(call.body["tags"]))
    known = {row["name"] for row in call.store.all("select name from tags where workspace_id = ?", call.workspace.id)}
    missing = [tag for tag in wanted if tag not in known]
    if missing and not create:
        raise refusal(f"The tag {missing[0]} does not exist.")
    for tag in missing:
        call.store.insert("tags", {"workspace_id": call.workspace.id, "name": tag, "color": "Blue"})
    before = profiles.tags(call.store, person["id"])
    if replace:
        call.store.run("delete from profile_tags where profile_id = ?", person["id"])
    call.store.many("insert or ignore into profile_tags values (?, ?)", [(person["id"], tag) for tag in wanted])
    if profiles.tags(call.store, person["id"]) != before:
        publishing.tell_tags(call.store, call.workspace.id, person["id"])
    return answer({"newAssignedTags": [tag for tag in wanted if tag not in before]})


@routes.on(
    "POST",
    "/lead_tags/CreateTags",
    body={"tags": Required(array(model({"displayName": Required(text()), "color": choice("Tags.TagColor", *COLORS)})))},
)
def create_tags(call: Call) -> Response:
    """Make tags; ones that exist stay as they are."""
    rows = [(call.workspace.id, tag["displayName"], tag["color"] or "Blue") for tag in call.body["tags"]]
    call.store.many("insert or ignore into tags values (?, ?, ?)", rows)
    return empty()
