"""What a company is shown of the mails of its people: their words, and nothing that tells how its own were sent."""

import pytest

from tests.engine import Engine, Organization, wait_for
from tests.jobs.moving import Account, Work

pytestmark = pytest.mark.usefixtures("quiet_everywhere")

SAID = "<div>We at Smartlead, Instantly &amp; HeyReach say: <b>yes</b>.<br>Lea</div>"
QUOTED = (
    '<div class="gmail_quote"><div>On Mon, Jan 5, 2026 at 10:00 Jo &lt;jo@acme.example&gt; wrote:</div><blockquote>'
    '<p>Hi, see <a href="https://open.sleadtrack.com/c/1">this</a></p><p>Sent with Instantly</p>'
    '<img src="https://open.sleadtrack.com/p.gif"></blockquote></div>'
)


@pytest.mark.parametrize("provider", ["smartlead", "instantly"])
def test_words_stay_and_what_is_quoted_goes(provider: str, organization: Organization, engine: Engine) -> None:
    account = Account(engine, organization, provider)
    company = account.company("Acme")
    sender = account.assign(account.senders()[0]["id"], company)
    work = Work.begin(account, company, sender, account.new_person())
    work.hears(f"<style>p{{}}</style>{SAID}{QUOTED}")
    wait_for("the message", lambda: [row for row in work.messages() if row["direction"] == "incoming"])
    (message,) = [row for row in work.messages() if row["direction"] == "incoming"]
    assert message["text"] == "We at Smartlead, Instantly & HeyReach say: yes.\nLea"
    assert (message["format"], message["html"], message["quoted"]) == ("html", SAID, None)
    assert work.replies() == [message["text"]]
    path = f"/v1/conversations/{message['conversation_id']}/messages"
    (theirs,) = [row for row in organization.api.get(path).json()["data"] if row["id"] == message["id"]]
    assert {**theirs, "quoted": None} == message
    assert "Hi, see this" in theirs["quoted"]
    assert "sleadtrack" not in work.everything()
