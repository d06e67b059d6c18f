"""One language of templates: what three providers send is what the preview shows, letter for letter."""

from typing import Any

import pytest

from providers.simulators.heyreach.script import script
from providers.templates import UNSEEN
from tests.engine import TRACKED, Engine, Organization, start, wait_for
from tests.jobs.moving import PROVIDERS, Account, simulator

pytestmark = pytest.mark.usefixtures("quiet_everywhere")

PEOPLE: list[dict[str, Any]] = [
    {"first_name": "Zoë", "company_name": "Tom & Jerry <Ltd>", "custom": {"city": "{{first_name}}", "note": "a\nb"}},
    {"first_name": None, "company_name": None, "custom": {"note": "{Hi|Hello} [[x]] %y% \"q\" 'z'"}},
]
# What is written, in plain text: each has to arrive as it stands, its variables filled in.
BODIES = [
    "Hi {{first_name}}", "Hi {{first_name|there}}", "Hi {{ first_name | dear reader }},", "{{custom.city|your town}}",
    "{{company_name}} and {{company_name|your company}}", "{{custom.note}}", "{{custom.note|nothing}}!",
    "Hi {{first_name|Tom & co}}", "Hi {{first_name|<b>}}", "Price: 1 < 2 > 0 & so on", 'She said "yes", it\'s fine',
    '{ "json": 1 }', "f(x) { return 1; }", "{}", "{ }", "50% off, 100% sure", "a || b | c", "[x] [[a b]]",
    "$5 {a b} $x", "<lea@plain.example>", "Zürich, 日本, 🦊", "{{first_name}}{{first_name|x}}{{custom.city}}",
    "a\n\nb\nc", "tab\there", "{{last_name|}}", "{{last_name}} end", "((x)) {{custom.note|a}} ((y))",
    "https://x.example/{id}?a={b}&c=1", "mailto:lea@plain.example?subject={x}", "\\{{first_name|you}}\\",
    "#{x y}", "@{{first_name|you}}", "~~{{first_name|you}}~~", "{{custom.Under_score|u}}", "{{custom.a1|n}}",
    "1) {{first_name|A}}: 2) {{company_name|B}}", "…", "- {{custom.city|c}}", "ends {", "} begins",
]  # fmt: skip
AT_ONCE = 6  # of one campaign: of each person twenty values are kept at one provider
# How the simulators show the settings, as they are at first and once some are changed.
AT_REST: dict[str, dict[str, Any]] = {
    "smartlead": {
        "track_settings": ["DONT_EMAIL_OPEN", "DONT_LINK_CLICK"], "send_as_plain_text": False,
        "add_unsubscribe_tag": True, "auto_pause_domain_leads_on_reply": False,
    },
    "instantly": {
        "open_tracking": False, "link_tracking": False, "text_only": False, "insert_unsubscribe_header": True,
        "stop_for_company": False,
    },
}  # fmt: skip
CHANGED: dict[str, dict[str, Any]] = {
    "smartlead": {
        "track_settings": ["DONT_LINK_CLICK"], "send_as_plain_text": True, "add_unsubscribe_tag": False,
        "auto_pause_domain_leads_on_reply": True,
    },
    "instantly": {
        "open_tracking": True, "link_tracking": False, "text_only": True, "insert_unsubscribe_header": False,
        "stop_for_company": True,
    },
}  # fmt: skip
MARKUP = (
    '<style>p{color:red}</style><p style="margin:{0}">Hi {{first_name|you}} &amp; co, <b>{{custom.note|x}}</b>'
    '<a href="https://acme.example/demo?a={b}">see {{company_name|us}}</a></p>'
)


class Sent:
    """One campaign at one provider, whose steps are to be compared."""

    def __init__(self, engine: Engine, organization: Organization, provider: str) -> None:
        self.engine, self.provider = engine, provider
        self.account = Account(engine, organization, provider)
        self.company = self.account.company("Acme")
        self.sender = self.account.assign(self.account.senders()[0]["id"], self.company)

    @property
    def is_linkedin(self) -> bool:
        return self.provider == "heyreach"

    def begin(self, steps: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
        """Start a campaign to both people; return it and what the preview shows of them."""
        api = self.company.api
        body = {"name": "Compared", "capability": self.account.capability, "settings": TRACKED}
        campaign = api.post("/v1/campaigns", json=body).raise_for_status().json()["id"]
        api.put(f"/v1/campaigns/{campaign}/sequence", json={"steps": steps}).raise_for_status()
        api.put(f"/v1/campaigns/{campaign}/senders", json={"sender_ids": [self.sender]}).raise_for_status()
        key = "linkedin_url" if self.is_linkedin else "email"
        leads = [{**person, key: self.new_person()} for person in PEOPLE]
        answer = api.post(f"/v1/campaigns/{campaign}/leads", json={"leads": leads}).raise_for_status().json()
        ids = [row["lead_id"] for row in answer["results"]]
        shown = api.post(f"/v1/campaigns/{campaign}/sequence/preview", json={"lead_ids": ids}).raise_for_status().json()
        start(self.company, campaign)
        wait_for("the hand-over", lambda: api.get(f"/v1/campaigns/{campaign}/stats").json()["leads"]["pushed"] == 2)
        by_id = {row["lead_id"]: row["steps"] for row in shown["data"]}
        return campaign, [{"who": lead[key], "steps": by_id[lead_id]} for lead, lead_id in zip(leads, ids, strict=True)]

    def quiet_campaign(self) -> str:
        """Start a campaign with the settings that every campaign begins with."""
        api = self.company.api
        body = {"name": "Quiet", "capability": "email_outreach"}
        made = api.post("/v1/campaigns", json=body).raise_for_status().json()
        assert made["settings"] == {
            "track_opens": False, "track_clicks": False, "plain_text": False, "unsubscribe": "both", "rest_days": 0,
            "skip_if_in_other_campaign": False, "stop_domain_on_reply": False,
        }  # fmt: skip
        path = f"/v1/campaigns/{made['id']}"
        steps = [{"type": "email", "delay_days": 0, "subject": "Hi", "body": "Hello {{unsubscribe_link}}"}]
        api.put(f"{path}/sequence", json={"steps": steps}).raise_for_status()
        api.put(f"{path}/senders", json={"sender_ids": [self.sender]}).raise_for_status()
        api.post(f"{path}/leads", json={"leads": [{"email": self.account.new_person()}]}).raise_for_status()
        start(self.company, made["id"])
        return str(made["id"])

    def new_person(self) -> str:
        """Return a person that gets every step: reachable, and quiet."""
        while True:
            person = self.account.new_person()
            part = script(person)
            if not self.is_linkedin or not (part.fails or part.fails_later or part.answers_inmail or part.replies):
                return person

    def filled(self, campaign: str, who: str) -> list[tuple[str, str]]:
        """Return subject and body of each step as this provider fills them for a person."""
        query = "select external_id from outbound.campaign_bindings where campaign_id = %s"
        external = self.account.row(query, campaign)["external_id"]
        found: list[tuple[str, str]] = []
        count = len(self.company.api.get(f"/v1/campaigns/{campaign}/sequence").json()["steps"])
        name = "sequence_number" if self.provider == "smartlead" else "step"
        number = external if self.provider == "instantly" else int(external)
        for step in range(1, count + 1):
            body = {"campaign_id": number, "email": who, "event": "sent", name: step}
            sent = simulator(self.engine, self.provider, "POST", "/play", json=body)
            found.append(self._of(sent))
        return found

    def _of(self, sent: dict[str, Any]) -> tuple[str, str]:
        if self.provider == "smartlead":
            return sent["subject"], sent["sent_message"]["html"]
        return sent["email_subject"], sent["email_html"]


def chunks(bodies: list[str]) -> list[list[str]]:
    return [bodies[start : start + AT_ONCE] for start in range(0, len(bodies), AT_ONCE)]


@pytest.mark.parametrize("bodies", chunks(BODIES))
@pytest.mark.parametrize("provider", ["smartlead", "instantly"])
def test_mails_are_sent_as_the_preview_shows_them(
    provider: str, bodies: list[str], organization: Organization, engine: Engine
) -> None:
    work = Sent(engine, organization, provider)
    steps = [
        {"type": "email", "delay_days": 1, "subject": f"{n} {body.splitlines()[0]}", "body": body, "format": "text"}
        for n, body in enumerate(bodies)
    ]
    campaign, people = work.begin([*steps, {"type": "email", "delay_days": 1, "subject": "Markup", "body": MARKUP}])
    for person in people:
        for (subject, body), step in zip(work.filled(campaign, person["who"]), person["steps"], strict=True):
            assert subject == step["subject"]
            assert body.removeprefix("<div>").removesuffix("</div>").replace("<br />", "<br>") == step["body"]
    if bodies == BODIES[:AT_ONCE]:
        first, second = (person["steps"] for person in people)
        assert [step["body"] for step in first][:3] == ["<p>Hi Zoë</p>", "<p>Hi Zoë</p>", "<p>Hi Zoë,</p>"]
        assert [step["body"] for step in second][:3] == ["<p>Hi </p>", "<p>Hi there</p>", "<p>Hi dear reader,</p>"]
        assert first[3]["body"] == "<p>&#123;&#123;first_name&#125;&#125;</p>"
        assert second[0]["missing"] == ["first_name"]


def test_messages_are_sent_as_the_preview_shows_them(organization: Organization, engine: Engine) -> None:
    work = Sent(engine, organization, "heyreach")
    steps = [{"type": "inmail", "delay_days": 0, "subject": f"{n}", "body": body} for n, body in enumerate(BODIES)]
    campaign, people = work.begin(steps)
    query = "select external_id from outbound.campaign_bindings where campaign_id = %s"
    external = int(work.account.row(query, campaign)["external_id"])
    for person in people:
        found = inmails(engine, external, person["who"], len(BODIES))
        expected = [step["body"].replace(UNSEEN, "") for step in person["steps"]]
        assert [text.replace(UNSEEN, "") for text in found] == expected
    assert people[1]["steps"][0]["missing"] == ["first_name"]
    assert "https://x.example/%7Bid%7D?a=%7Bb%7D&c=1" in [step["body"] for step in people[0]["steps"]]


def inmails(engine: Engine, campaign: int, who: str, count: int) -> list[str]:
    """Return the campaign's InMails to a person once time has passed there, the oldest first."""
    simulator(engine, "heyreach", "PUT", "/settings", json={"autoplay": True, "pace_ms": 0, "hour_s": 0.001})
    try:
        url = who

        def said() -> list[str]:
            rows = simulator(engine, "heyreach", "GET", "/messages", params={"profile_url": url})
            return [row["body"] for row in rows if row["campaign_id"] == campaign and row["profile_url"] == url]

        wait_for("all of them", lambda: len(said()) >= count)
        return said()
    finally:
        simulator(engine, "heyreach", "PUT", "/settings", json={"autoplay": False, "pace_ms": 50, "hour_s": 0.05})


@pytest.mark.parametrize("provider", PROVIDERS[:2])
def test_nothing_is_tracked_unless_it_is_set(provider: str, organization: Organization, engine: Engine) -> None:
    work = Sent(engine, organization, provider)
    campaign = work.quiet_campaign()
    query = "select external_id from outbound.campaign_bindings where campaign_id = %s"
    path = f"/campaigns/{work.account.row(query, campaign)['external_id']}"

    def there() -> dict[str, Any]:
        row = simulator(engine, provider, "GET", path)
        kept = row.get("settings", row)
        return {name: kept.get(name) for name in (*AT_REST[provider],)}

    assert there() == AT_REST[provider]
    changed = {"track_opens": True, "plain_text": True, "unsubscribe": "link", "stop_domain_on_reply": True}
    work.company.api.patch(f"/v1/campaigns/{campaign}", json={"settings": changed}).raise_for_status()
    wait_for("the settings", lambda: there() == CHANGED[provider])
