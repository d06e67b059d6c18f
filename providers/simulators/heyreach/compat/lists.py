"""Filling, reading and emptying lists of people, and of companies, which nothing in this API fills."""

import json

from starlette.responses import Response

from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.leads import enrolling, profiles
from providers.simulators.heyreach.leads.lists import put_on, shown
from providers.simulators.heyreach.requests import Call, Routes, answer, empty, refusal
from providers.simulators.heyreach.requests import page as paged
from providers.simulators.heyreach.validation import Fields, Required, array, model, moment, page, text, whole
from providers.simulators.kit.store import Object, Row

routes = Routes()

_LIST_ID = {"listId": Required(whole())}
_ADD: Fields = {**_LIST_ID, "leads": Required(array(model(profiles.LEAD, "Leads.PublicLead"), most=100))}


@routes.on("GET", "/list/GetById", query=_LIST_ID)
def read(call: Call) -> Response:
    """Read one list."""
    return answer(shown(call, call.list_(call.query["listId"])))


@routes.on("POST", "/list/AddLeadsToListV2", body=_ADD)
def add_leads(call: Call) -> Response:
    """Add people to a list and return three totals."""
    added, updated, failed = _add(call)
    return answer({"addedLeadsCount": added, "updatedLeadsCount": updated, "failedLeadsCount": failed})


@routes.on("POST", "/list/AddLeadsToList", body=_ADD)
def add_leads_v1(call: Call) -> Response:
    """Add people to a list and return how many are new."""
    return answer(_add(call)[0])


def _add(call: Call) -> tuple[int, int, int]:
    found = _of_people(call, call.body["listId"])
    known, fresh, failed = 0, list[tuple[int, str]](), 0
    for lead in call.body["leads"]:
        url = profiles.normalised(lead["profileUrl"])
        if url is None or not profiles.well_named(lead):
            failed += 1
            continue
        profile_id = profiles.save(call.store, call.workspace.id, url, lead, call.now)
        if put_on(call, found["id"], profile_id, lead):
            fresh.append((profile_id, url))
        else:
            known += 1
    enrolling.feed(call, found["id"], fresh)
    return len(fresh), known, failed


def _of_people(call: Call, list_id: int) -> Row:
    found = call.list_(list_id)
    if found["list_type"] != "USER_LIST":
        raise refusal("The list is not a list of leads.")
    return found


@routes.on(
    "POST",
    "/list/GetLeadsFromList",
    body={
        **_LIST_ID,
        **page(1000, 100),
        **dict.fromkeys(("keyword", "leadProfileUrl", "leadLinkedInId"), text()),
        "createdFrom": moment,
        "createdTo": moment,
    },
)
def list_leads(call: Call) -> Response:
    """List the people on a list, as they were a while ago."""
    body = call.body
    call.list_(body["listId"])
    rows = call.store.all(
        "select p.*, l.custom_fields from list_leads l join profiles p on p.id = l.profile_id where l.list_id = ?1"
        " and (?2 is null or p.url = ?2) and (?3 is null or p.linkedin_id = ?3)"
        " and l.created_at >= coalesce(?4, '') and l.created_at <= coalesce(min(?5, ?6), ?6)"
        " and instr(lower(coalesce(p.first_name, '') || ' ' || coalesce(p.last_name, '')), lower(?7)) > 0"
        " order by l.id",
        body["listId"],
        profiles.normalised(body["leadProfileUrl"]) or body["leadProfileUrl"],
        body["leadLinkedInId"],
        body["createdFrom"],
        body["createdTo"],
        times.later(call.now, -float(call.options["list_lag_s"])),
        body["keyword"] or "",
    )
    first, size = body["offset"], body["limit"]
    return answer({"totalCount": len(rows), "items": [_lead(call, row) for row in rows[first : first + size]]})


def _lead(call: Call, row: Row) -> Object:
    known = profiles.basic(row)
    email = known.pop("emailAddress")
    tags = profiles.tags(call.store, row["id"])
    return {**known, "tags": tags, "emailAddress": email, "customFields": json.loads(row["custom_fields"])}


@routes.on("POST", "/list/GetCompaniesFromList", body={**_LIST_ID, **page(1000, 100), "keyword": text()})
def list_companies(call: Call) -> Response:
    """List the companies on a list: none."""
    call.list_(call.body["listId"])
    return paged(call, [])


@routes.on("DELETE", "/list/DeleteLeadsFromList", body={**_LIST_ID, "leadMemberIds": Required(array(text()))})
def delete_by_member(call: Call) -> Response:
    """Take people off a list by LinkedIn's number; unknown ones do not matter."""
    call.list_(call.body["listId"])
    for member in call.body["leadMemberIds"]:
        person = profiles.find(call.store, call.workspace.id, member=member)
        _delete(call, person)
    return empty()


@routes.on("DELETE", "/list/DeleteLeadsFromListByProfileUrl", body={**_LIST_ID, "profileUrls": Required(array(text()))})
def delete_by_url(call: Call) -> Response:
    """Take people off a list by URL, and name the ones that were not on it."""
    call.list_(call.body["listId"])
    missing = [
        profiles.username(url)
        for url in call.body["profileUrls"]
        if not _delete(call, profiles.find(call.store, call.workspace.id, url=url))
    ]
    return answer({"notFoundInList": missing})


def _delete(call: Call, person: Row | None) -> bool:
    if person is None:
        return False
    list_id = call.body["listId"]
    return call.store.run("delete from list_leads where list_id = ? and profile_id = ?", list_id, person["id"]) > 0


@routes.on(
    "POST",
    "/list/GetListsForLead",
    body={**page(), **dict.fromkeys(("email", "linkedinId", "profileUrl"), text())},
)
def lists_of_lead(call: Call) -> Response:
    """List the lists a person is on."""
    body = call.body
    person = profiles.find(
        call.store, call.workspace.id, url=body["profileUrl"], member=body["linkedinId"], email=body["email"]
    )
    rows = call.store.all(
        "select s.id, s.name from list_leads l join lists s on s.id = l.list_id where l.profile_id = ? order by s.id",
        person["id"] if person else None,
    )
    return paged(call, [{"listId": row["id"], "listName": row["name"]} for row in rows])
