"""What the workspace knows of one person, and the person's tags."""

from starlette.responses import Response

from providers.simulators.heyreach import profiles, publishing
from providers.simulators.heyreach.binding import Fields, Required, array, choice, flag, model, text
from providers.simulators.heyreach.exchange import Call, Routes, answer, empty, refusal
from providers.simulators.kit.store import Row

routes = Routes()

COLORS = ("Blue", "Green", "Purple", "Pink", "Red", "Cyan", "Yellow", "Orange")
_PROFILE = {"profileUrl": Required(text())}
_TAGS: Fields = {
    "leadProfileUrl": text(),
    "leadLinkedInId": text(),
    "tags": Required(array(text())),
    "createTagIfNotExisting": flag,
}


def _person(call: Call, url: str | None, member: str | None = None) -> Row:
    found = profiles.find(call.store, call.workspace.id, url=url, member=member)
    if found is None:
        raise refusal("The lead does not exist!", 404)
    return found


@routes.on("POST", "/lead/GetLead", body=_PROFILE)
def read(call: Call) -> Response:
    """Read one person, without custom fields."""
    person = _person(call, call.body["profileUrl"])
    known = profiles.basic(person)
    first = ("linkedin_id", "imageUrl", "firstName", "lastName")
    return answer(
        {
            **{name: known[name] for name in first},
            "fullName": profiles.full_name(person),
            "location": known["location"],
            "summary": person["summary"] or "",
            "companyName": known["companyName"],
            "companyUrl": None,
            "position": known["position"],
            "industry": None,
            "about": known["about"],
            "username": profiles.username(person["url"]),
            "emailAddress": known["emailAddress"],
            "connections": 0,
            "followers": 0,
            "experiences": "[]",
            "education": "[]",
            "profileUrl": person["url"],
            "enrichedEmailAddress": None,
            "headline": known["headline"],
            "emailEnrichments": [],
        }
    )


@routes.on("POST", "/lead/GetTags", body=_PROFILE)
def read_tags(call: Call) -> Response:
    """Read a person's tags in the order of the alphabet."""
    return answer({"tags": profiles.tags(call.store, _person(call, call.body["profileUrl"])["id"])})


@routes.on("POST", "/lead/AddTags", body=_TAGS)
def add_tags(call: Call) -> Response:
    """Tag a person and name the tags that are new to it; missing tags are made unless that is forbidden."""
    return _tag(call, create=call.body["createTagIfNotExisting"] is not False, replace=False)


@routes.on("POST", "/lead/ReplaceTags", body=_TAGS)
def replace_tags(call: Call) -> Response:
    """Give a person exactly these tags; missing ones are made only when that is asked."""
    return _tag(call, create=bool(call.body["createTagIfNotExisting"]), replace=True)


def _tag(call: Call, *, create: bool, replace: bool) -> Response:
    person = _person(call, call.body["leadProfileUrl"], call.body["leadLinkedInId"])
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
