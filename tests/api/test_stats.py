"""`/v1/stats` and `/partner/v1/stats`: what can be requested, what is refused, where days begin, and who may read."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo, available_timezones

import httpx
import psycopg
import pytest

from api.http.figures import Figures
from api.http.timezones import ABBREVIATIONS, is_whole_hours
from providers.zones import is_zone
from tests.api.answers import pointers, problem
from tests.api.people import caller, company_of, tenant
from tests.database.tenants import put
from tests.engine import Company, Engine, Organization

FIGURES = tuple(Figures.model_fields)
HOSTILE = ("=cmd()", "@x", "-1", "\tTab", "+1", 'A "quoted", name')
DAY = {"from": "2026-03-29", "to": "2026-03-29"}
ZONE = "Europe/Berlin"
MIDNIGHT = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)  # half past midnight of the 29th in Berlin


def happened(
    engine: Engine, org: Organization, company: Company, campaign: str, moment: datetime, **kinds: int
) -> None:
    """Let something have happened so many times in an hour, as the figures keep it."""
    own = {"org_id": org.id, "company_id": company.id, "campaign_id": campaign}
    hour = moment.replace(minute=0)
    with psycopg.connect(engine.dev["database_urls"]["admin"], autocommit=True) as admin:
        for kind, amount in kinds.items():
            row = {**own, "type": kind.replace("__", "."), "amount": amount, "step": 1}
            put(admin, "stats_hourly", {**row, "hour": hour})
            admin.execute(
                "insert into outbound.stats_totals as t (org_id, company_id, campaign_id, type, step, amount)"
                " values (%(org_id)s, %(company_id)s, %(campaign_id)s, %(type)s, %(step)s, %(amount)s)"
                " on conflict on constraint stats_totals_once do update set amount = t.amount + excluded.amount",
                row,
            )


class Stage:
    """A company in Berlin with a campaign of each hostile name, and one in UTC."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.org = engine, tenant(engine)
        self.company, self.other = company_of(self.org, "Berlin"), company_of(self.org, "=Greenwich")
        self.company.api.patch("/v1/company", json={"timezone": ZONE}).raise_for_status()
        self.campaigns = [self.new_campaign(self.company, name) for name in HOSTILE]
        for number, each in enumerate(self.campaigns, start=1):
            self.happened(self.company, each, MIDNIGHT, message__sent=number, lead__labelled=3)
            self.happened(self.company, each, MIDNIGHT + timedelta(hours=30), message__replied=1)
        self.happened(self.other, self.new_campaign(self.other, "Plain"), MIDNIGHT, message__sent=100)

    def new_campaign(self, company: Company, name: str) -> str:
        """Make a draft; the database keeps a name as it is, whatever the API strips of it."""
        body = {"name": "x", "capability": "email_outreach"}
        made = company.api.post("/v1/campaigns", json=body).raise_for_status().json()["id"]
        with self.engine.sql() as sql:
            sql.execute("update outbound.campaigns set name = %s where id = %s", [name, made])
        return str(made)

    def happened(self, company: Company, campaign: str, moment: datetime, **kinds: int) -> None:
        """Let something have happened in a campaign."""
        happened(self.engine, self.org, company, campaign, moment, **kinds)


@pytest.fixture(scope="module")
def stage(engine: Engine) -> Stage:
    return Stage(engine)


def stats(client: httpx.Client, path: str = "/v1/stats", **params: Any) -> dict[str, Any]:
    return client.get(path, params={**DAY, **params}).raise_for_status().json()


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"timezone": "Europe/Nowhere"}, "unknown_timezone"),
        ({"timezone": "Asia/Kolkata"}, "timezone_not_whole_hours"),
        ({"timezone": "Australia/Lord_Howe"}, "timezone_not_whole_hours"),
        ({"timezone": "CET"}, "timezone_abbreviation"),
        ({"timezone": ""}, "unknown_timezone"),
        ({"timezone": "utc; drop table x"}, "unknown_timezone"),
        ({"from": "2026-03-30"}, "range_empty"),
        ({"from": "2020-01-01"}, "range_too_long"),
        ({"from": "2026-02-30"}, None),
        ({"from": "yesterday"}, None),
        ({"to": "2026-13-01"}, None),
        ({"group_by": "hour"}, None),
        ({"campaign_id": "7"}, None),
        ({"sender_id": "7"}, None),
    ],
)
@pytest.mark.parametrize("path", ["/v1/stats", "/partner/v1/stats"])
def test_what_makes_no_sense_is_refused(stage: Stage, path: str, params: dict[str, str], code: str | None) -> None:
    client = stage.company.api if path == "/v1/stats" else stage.org.api
    document = problem(client.get(path, params={**DAY, **params}), 422)
    (name,) = params
    assert [pointer for pointer, _ in pointers(document)] == [f"?{'from' if code == 'range_empty' else name}"]
    if code is not None:
        assert code in {document["code"], *(item for _, item in pointers(document))}
    if code == "timezone_not_whole_hours":
        assert "whole number of hours" in json.dumps(document)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_time_are_days_like_others(stage: Stage, day: str) -> None:
    for zone in ("UTC", ZONE, "Pacific/Kiritimati", "Etc/GMT+12"):
        assert stats(stage.company.api, **{"from": day, "to": day}, timezone=zone)["data"] == []


def test_totals_are_the_sums_of_the_groups(stage: Stage) -> None:
    for group in ("day", "campaign", "step", "sender"):
        answer = stats(stage.company.api, to="2026-03-31", group_by=group)
        assert answer["totals"] == {name: sum(row[name] for row in answer["data"]) for name in FIGURES}
        assert (answer["totals"]["sent"], answer["totals"]["replied"]) == (21, 6)
        assert answer["group_by"] == group
        assert all(any(row[name] for name in FIGURES) for row in answer["data"])


def test_days_begin_where_the_company_is_unless_a_zone_is_given(stage: Stage) -> None:
    own = stats(stage.company.api)
    assert (own["timezone"], own["totals"]["sent"], own["totals"]["replied"]) == (ZONE, 21, 0)
    assert [row["day"] for row in own["data"]] == ["2026-03-29"]
    assert stats(stage.company.api, timezone="UTC")["totals"]["sent"] == 0
    assert stats(stage.other.api)["totals"]["sent"] == 0
    whole = stats(stage.org.api, "/partner/v1/stats", to="2026-03-31")
    assert (whole["timezone"], whole["group_by"], whole["totals"]["sent"]) == ("UTC", "company", 0)
    one = stats(stage.org.api, "/partner/v1/stats", company_id=stage.company.id)
    assert (one["timezone"], one["totals"]["sent"]) == (ZONE, 21)
    assert [(row["company_id"], row["name"]) for row in one["data"]] == [(stage.company.id, "Berlin")]


@pytest.mark.parametrize("by", ["company", "partner"])
def test_a_company_moves_and_its_days_with_it(stage: Stage, by: str) -> None:
    company = company_of(stage.org, "Moving")
    path = "/v1/company" if by == "company" else f"/partner/v1/companies/{company.id}"
    client = company.api if by == "company" else stage.org.api
    assert client.get(path).raise_for_status().json()["timezone"] == "UTC"
    stage.happened(company, stage.new_campaign(company, "x"), MIDNIGHT, message__sent=5)
    assert stats(company.api)["totals"]["sent"] == 0
    moved = client.patch(path, json={"timezone": "Pacific/Auckland"}).raise_for_status().json()
    assert moved["timezone"] == "Pacific/Auckland"
    assert stats(company.api)["timezone"] == "Pacific/Auckland"
    assert stats(company.api)["totals"]["sent"] == 5
    for wrong in ("Asia/Kolkata", "Europe/Nowhere", "", 7):
        assert pointers(problem(client.patch(path, json={"timezone": wrong}), 422))[0][0] == "/timezone"
    assert client.patch(path, json={"timezone": None}).status_code in (200, 422)
    assert client.get(path).json()["timezone"] == "Pacific/Auckland"


def test_the_usual_range_is_thirty_days(stage: Stage) -> None:
    answer = stage.company.api.get("/v1/stats").raise_for_status().json()
    today = datetime.now(UTC).astimezone(ZoneInfo(ZONE)).date()
    assert today - date.fromisoformat(answer["to"]) in (timedelta(0), timedelta(days=1))
    assert date.fromisoformat(answer["to"]) - date.fromisoformat(answer["from"]) == timedelta(days=29)
    answer = stage.company.api.get("/v1/stats", params={"to": "2026-03-29"}).raise_for_status().json()
    assert answer["from"] == "2026-02-28"
    assert answer["totals"]["sent"] == 21


def read_csv(answer: httpx.Response) -> list[list[str]]:
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(answer.raise_for_status().text)))


def test_a_spreadsheet_takes_no_name_for_a_formula(stage: Stage) -> None:
    text = {"Accept": "text/csv"}
    answer = stage.company.api.get("/v1/stats", params={**DAY, "group_by": "campaign"}, headers=text)
    head, *lines = read_csv(answer)
    assert head == ["campaign_id", "name", *FIGURES]
    assert {line[1] for line in lines} == {"'=cmd()", "'@x", "'-1", "'\tTab", "'+1", 'A "quoted", name'}
    document = stats(stage.company.api, group_by="campaign")
    assert {line[0]: line[2:] for line in lines} == {
        row["campaign_id"]: [str(row[name]) for name in FIGURES] for row in document["data"]
    }
    assert answer.headers["content-disposition"] == 'attachment; filename="stats-campaign-2026-03-29-2026-03-29.csv"'
    answer = stage.org.api.get("/partner/v1/stats", params={**DAY, "timezone": ZONE}, headers=text)
    assert {"'=Greenwich", "Berlin"} <= {line[1] for line in read_csv(answer)[1:]}


def test_a_list_of_campaigns_shows_figures_where_they_are_requested(stage: Stage) -> None:
    plain = stage.company.api.get("/v1/campaigns").raise_for_status().json()["data"]
    assert all("stats" not in row for row in plain)
    listed = stage.company.api.get("/v1/campaigns", params={"expand": "stats", "limit": 4}).raise_for_status().json()
    assert [row["id"] for row in listed["data"]] == stage.campaigns[::-1][:4]
    assert [row["stats"]["sent"] for row in listed["data"]] == [6, 5, 4, 3]
    assert [{**row, "stats": None} for row in listed["data"]] == [{**row, "stats": None} for row in plain[:4]]
    problem(stage.company.api.get("/v1/campaigns", params={"expand": "leads"}), 422)


@pytest.fixture(scope="module")
def narrow(engine: Engine, stage: Stage) -> Iterator[dict[str, httpx.Client]]:
    made = stage.company.api.post("/v1/api-tokens", json={"scopes": ["campaigns:read"]}).raise_for_status().json()
    wide = stage.company.api.post("/v1/api-tokens", json={"scopes": ["dashboards:read"]}).raise_for_status().json()
    yield {"none": caller(engine, made["token"]), "dashboards": caller(engine, wide["token"])}


def test_who_may_read_figures(stage: Stage, narrow: dict[str, httpx.Client], engine: Engine) -> None:
    problem(narrow["none"].get("/v1/stats"), 403, "forbidden")
    problem(narrow["none"].post("/v1/auth/dashboard-token"), 403, "forbidden")
    assert stats(narrow["dashboards"])["totals"]["sent"] == 21
    problem(stage.company.api.get("/partner/v1/stats"), 404)
    with engine.client() as anonymous:
        problem(anonymous.get("/v1/stats"), 401)
        problem(anonymous.get("/partner/v1/stats"), 401)


def test_what_is_anothers_is_as_if_it_were_not_there(stage: Stage, engine: Engine) -> None:
    stranger = company_of(tenant(engine), "Stranger")
    for client in (stranger.api, stage.other.api):
        for campaign in (stage.campaigns[0], str(uuid4())):
            answer = stats(client, campaign_id=campaign, timezone=ZONE)
            assert answer["data"] == []
            assert set(answer["totals"].values()) == {0}
    assert stats(stage.company.api, campaign_id=stage.campaigns[2])["totals"]["sent"] == 3
    assert stats(stage.company.api, sender_id=str(uuid4()))["data"] == []


def test_a_deleted_campaign_is_in_no_figure(stage: Stage) -> None:
    company = company_of(stage.org, "Deleting")
    kept, gone = (stage.new_campaign(company, name) for name in ("Kept", "Gone"))
    for campaign in (kept, gone):
        stage.happened(company, campaign, MIDNIGHT + timedelta(hours=5), message__sent=1)
    assert stats(company.api)["totals"]["sent"] == 2
    company.api.delete(f"/v1/campaigns/{gone}").raise_for_status()
    assert stats(company.api)["totals"]["sent"] == 1
    assert stats(company.api, campaign_id=gone)["data"] == []


@pytest.mark.parametrize("zone", ["Atlantic/Azores", "America/Havana", "America/Santiago"])
def test_an_hour_that_comes_twice_is_of_one_day(stage: Stage, zone: str) -> None:
    """Hour by hour around the nights of changes, each is on the day that a calendar at the place shows."""
    company = company_of(stage.org, zone)
    campaign = stage.new_campaign(company, "x")
    nights = [
        datetime(2026, month, day, hour, tzinfo=UTC)
        for month, day in ((4, 4), (4, 5), (10, 24), (10, 25), (10, 31), (11, 1), (11, 2))
        for hour in range(24)
    ]
    for moment in nights:
        stage.happened(company, campaign, moment, message__sent=1)
    wanted: dict[str, int] = {}
    for moment in nights:
        day = str(moment.astimezone(ZoneInfo(zone)).date())
        wanted[day] = wanted.get(day, 0) + 1
    answer = stats(company.api, **{"from": "2026-01-01", "to": "2026-12-31"}, timezone=zone)
    assert {row["day"]: row["sent"] for row in answer["data"]} == wanted
    for day, amount in wanted.items():
        assert stats(company.api, **{"from": day, "to": day}, timezone=zone)["totals"]["sent"] == amount, day


def test_every_zone_of_whole_hours_is_known_to_postgres_too(engine: Engine) -> None:
    names = sorted(name for name in available_timezones() if is_zone(name) and is_whole_hours(name))
    names = [name for name in names if name not in ABBREVIATIONS]
    assert len(names) > 300
    moments = [datetime(year, month, 15, tzinfo=UTC) for year in (2020, 2026) for month in (1, 4, 7, 10)]
    query = (
        "select n.name, m.moment, m.moment at time zone n.name as local from unnest(%s::text[]) as n (name)"
        " cross join unnest(%s::timestamptz[]) as m (moment)"
    )
    with engine.sql() as sql:
        found = sql.execute(query, [names, moments]).fetchall()
    assert len(found) == len(names) * len(moments)
    wrong = [
        row for row in found if row["moment"].astimezone(ZoneInfo(row["name"])).replace(tzinfo=None) != row["local"]
    ]
    assert wrong == []
