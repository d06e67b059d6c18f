"""The page on which people unsubscribe: for the person, by one click, for scanners, after deletion and rotation."""

import base64
import re
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr

from api.access.unsubscribing import UnsubscribeLinks
from api.settings import generate_key
from tests.api.answers import without_autoplay
from tests.engine import Company, Engine, Organization, add_leads, addresses, draft, start, wait_for
from tests.jobs.moving import Account, Work

HARMLESS = ("GET", "HEAD", "OPTIONS")
ONE_CLICK = {"content": "List-Unsubscribe=One-Click", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}


@pytest.fixture(scope="module")
def org(engine: Engine) -> Organization:
    return engine.new_organization()


@pytest.fixture(scope="module")
def company(org: Organization) -> Company:
    return org.connected_company()


def links(engine: Engine) -> UnsubscribeLinks:
    return UnsubscribeLinks.from_settings(engine.folder.settings())


def link_to(engine: Engine, org: Organization, enrolment: str) -> str:
    return links(engine).link(UUID(org.id), UUID(enrolment))


def enrolled(engine: Engine, company: Company, email: str) -> tuple[str, str, str]:
    """Put a person into a campaign; return it, their place in it and their id."""
    campaign = draft(company)
    add_leads(company, campaign, [email])
    with engine.sql() as sql:
        query = "select id, lead_id from outbound.campaign_leads where campaign_id = %s"
        row = sql.execute(query, [campaign]).fetchone() or {}
    return campaign, str(row["id"]), str(row["lead_id"])


def listed(company: Company, value: str) -> list[str]:
    rows = company.api.get("/v1/suppressions", params={"limit": 200}).raise_for_status().json()["data"]
    return [row["source"] for row in rows if row["value"] == value]


def shown(page: httpx.Response) -> str:
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "set-cookie" not in page.headers
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert "noindex" in page.headers["x-robots-tag"]
    return page.text


def test_looking_changes_nothing_and_posting_does(engine: Engine, org: Organization, company: Company) -> None:
    (email,) = addresses(1)
    campaign, enrolment, lead = enrolled(engine, company, email)
    link = link_to(engine, org, enrolment)
    for method in HARMLESS:
        httpx.request(method, link, headers={"Purpose": "prefetch", "Sec-Purpose": "prefetch"})
    assert listed(company, email) == []
    form = shown(httpx.get(link))
    assert '<form method="post"><button>Unsubscribe</button></form>' in form
    done = httpx.post(link, **ONE_CLICK)
    assert "no more messages" in shown(done)
    assert not done.history
    assert listed(company, email) == ["unsubscribed"]
    (row,) = company.api.get(f"/v1/campaigns/{campaign}/leads").json()["data"]
    assert row["status"] == "unsubscribed"
    events = company.api.get("/v1/events", params={"campaign_id": campaign, "type": "lead.unsubscribed"}).json()["data"]
    assert [(event["lead_id"], event["data"]) for event in events] == [(lead, {"step": None})]
    assert shown(httpx.post(link, **ONE_CLICK)) == done.text
    assert len(listed(company, email)) == 1
    assert company.api.get("/v1/events", params={"campaign_id": campaign}).json()["data"] == events


def test_the_page_is_the_same_for_every_token(engine: Engine, org: Organization, company: Company) -> None:
    (email,) = addresses(1)
    _, enrolment, _ = enrolled(engine, company, email)
    good = link_to(engine, org, enrolment)
    used = link_to(engine, org, enrolled(engine, company, addresses(1)[0])[1])
    httpx.post(used)
    token = good.rpartition("/")[2]
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[20] ^= 1
    base = good.rpartition("/")[0]
    others = [
        used, link_to(engine, org, str(uuid4())), links(engine).link(uuid4(), uuid4()), f"{base}/x", f"{base}/%00",
        f"{base}/{base64.urlsafe_b64encode(raw).decode()}", f"{base}/{'A' * 64}", f"{base}/é", f"{base}/{token}=",
    ]  # fmt: skip
    page, done = httpx.get(good), None
    for other in others:
        assert httpx.get(other).text == page.text
        answer = httpx.post(other, **ONE_CLICK)
        done = done or answer.text
        assert (answer.status_code, answer.text) == (200, done)
        assert set(answer.headers) == set(page.headers)
    assert listed(company, email) == []
    words = re.sub(r"<[^>]+>", " ", page.text).lower()
    assert not {"smartlead", "instantly", "heyreach", "outbound", company.name.lower(), org.slug} & set(words.split())


@pytest.mark.parametrize("gone", ["lead", "enrolment", "campaign"])
def test_a_link_outlives_what_it_is_about(gone: str, engine: Engine, org: Organization, company: Company) -> None:
    (email,) = addresses(1)
    campaign, enrolment, lead = enrolled(engine, company, email)
    if gone == "campaign":
        assert company.api.delete(f"/v1/campaigns/{campaign}").status_code == 204
    else:
        queries = {
            "lead": ("update outbound.leads set deleted_at = now() where id = %s", lead),
            "enrolment": ("update outbound.campaign_leads set deleted_at = now() where id = %s", enrolment),
        }
        with engine.sql() as sql:
            sql.execute(queries[gone][0], [queries[gone][1]])
    assert shown(httpx.post(link_to(engine, org, enrolment)))
    assert listed(company, email) == ["unsubscribed"]
    answer = add_leads(company, draft(company), [email])
    assert answer["results"][0]["result"] == "suppressed"


def test_a_link_of_a_company_or_an_organization_that_is_gone_does_nothing(engine: Engine) -> None:
    org = engine.new_organization()
    company = org.connected_company()
    _, enrolment, _ = enrolled(engine, company, addresses(1)[0])
    org.api.delete(f"/partner/v1/companies/{company.id}").raise_for_status()
    wait_for("the end", lambda: org.api.get(f"/partner/v1/companies/{company.id}").status_code == 404)
    assert shown(httpx.post(link_to(engine, org, enrolment)))


def test_keys_may_change_while_links_are_out(engine: Engine) -> None:
    settings = engine.folder.settings()
    organization, enrolment = uuid4(), uuid4()
    derived = UnsubscribeLinks.from_settings(settings)
    first, second = generate_key("u1"), generate_key("u2")
    one = UnsubscribeLinks.from_settings(settings.model_copy(update={"unsubscribe_keys": SecretStr(first)}))
    both = UnsubscribeLinks.from_settings(
        settings.model_copy(update={"unsubscribe_keys": SecretStr(f"{second},{first}")})
    )
    tokens = [each.link(organization, enrolment).rpartition("/")[2] for each in (derived, one, both)]
    assert len(set(tokens)) == 3
    assert [both.read(token) for token in tokens] == [(organization, enrolment)] * 3
    assert [one.read(token) is None for token in tokens] == [False, False, True]
    elsewhere = settings.model_copy(update={"unsubscribe_url": "https://mail.acme.example/out/"})
    assert (
        UnsubscribeLinks.from_settings(elsewhere)
        .link(organization, enrolment)
        .startswith("https://mail.acme.example/out/")
    )


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de"), ("xx, fr;q=0.5, pl;q=0.7", "pl"), ("", "en"), ("*;q=x,,;;", "en"),
        ("it;q=0", "en"),
    ],
)  # fmt: skip
def test_the_page_speaks_the_readers_language(accepted: str, language: str, engine: Engine) -> None:
    page = httpx.get(f"{engine.api_url}/u/x", headers={"Accept-Language": accepted})
    assert f'<html lang="{language}">' in shown(page)
    assert page.headers["content-language"] == language


@pytest.mark.parametrize("provider", ["smartlead", "instantly"])
def test_the_link_in_a_mail_stops_the_person_on_every_channel(provider: str, engine: Engine) -> None:
    org = engine.new_organization()
    account = Account(engine, org, provider)
    company = account.company("Acme")
    sender = account.assign(account.senders()[0]["id"], company)
    with without_autoplay(engine):
        body = {"name": "With a link", "capability": "email_outreach"}
        campaign = company.api.post("/v1/campaigns", json=body).raise_for_status().json()["id"]
        path = f"/v1/campaigns/{campaign}"
        text = 'Hi, <a href="{{unsubscribe_link}}">no more</a> {{unsubscribe_link}}'
        steps = [{"type": "email", "delay_days": 0, "subject": "Hi", "body": text}]
        company.api.put(f"{path}/sequence", json={"steps": steps}).raise_for_status()
        company.api.put(f"{path}/senders", json={"sender_ids": [sender]}).raise_for_status()
        person = account.new_person()
        added = company.api.post(f"{path}/leads", json={"leads": [{"email": person}]}).json()["results"][0]
        preview = company.api.post(f"{path}/sequence/preview", json={"lead_ids": [added["lead_id"]]}).json()
        start(company, campaign)
        work = Work(account, company, campaign, person)
        wait_for("the hand-over", lambda: work.stats()["leads"]["pushed"] == 1)
        sent = work.plays("sent")
        mail = sent["sent_message"]["html"] if provider == "smartlead" else sent["email_html"]
        (link,) = set(re.findall(r"https?://[^\s\"<]+", mail))
        assert preview["data"][0]["steps"][0]["body"] in mail
        assert httpx.post(link, **ONE_CLICK).status_code == 200
        query = "select stop_state from outbound.campaign_leads where campaign_id = %s"
        wait_for("the stop at the provider", lambda: account.row(query, campaign)["stop_state"] == "done")
    assert listed(company, person) == ["unsubscribed"]
