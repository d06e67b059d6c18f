"""What the workspace knows of one person."""

from starlette.responses import Response

from providers.simulators.heyreach.leads import profiles
from providers.simulators.heyreach.requests import Call, Routes, answer, refusal
from providers.simulators.heyreach.validation import Required, text
from providers.simulators.kit.store import Row

routes = Routes()

PROFILE = {"profileUrl": Required(text())}


def person_of(call: Call, url: str | None, member: str | None = None) -> Row:
    """Return a person of the workspace, or refuse."""
    found = profiles.find(call.store, call.workspace.id, url=url, member=member)
    if found is None:
        raise refusal("The lead does not exist!", 404)
    return found


@routes.on("POST", "/lead/GetLead", body=PROFILE)
def read(call: Call) -> Response:
    """Read one person, without custom fields."""
    person = person_of(call, call.body["profileUrl"])
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
