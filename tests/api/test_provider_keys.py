"""A key is good at its own provider only, and nothing of a refused one is kept."""

import pytest

from tests.api.answers import pointers, problem
from tests.engine import Engine

CAPABILITY = {"smartlead": "email_outreach", "instantly": "email_outreach", "heyreach": "linkedin_outreach"}


@pytest.mark.parametrize("provider", CAPABILITY)
@pytest.mark.parametrize("whose", ["another provider's", "mistyped", "unsendable"])
def test_a_wrong_key_connects_nothing(engine: Engine, provider: str, whose: str) -> None:
    org = engine.new_organization()
    company = org.new_company()
    path = f"/partner/v1/companies/{company.id}/entitlements/{CAPABILITY[provider]}"
    org.api.put(path, json={"provider": provider}).raise_for_status()
    keys = {name: simulator["api_key"] for name, simulator in engine.dev["simulators"].items()}
    own = keys.pop(provider)
    wrong = {"another provider's": list(keys.values()), "mistyped": [own[:-1]], "unsendable": ["clé\u2028"]}[whose]
    for key in wrong:
        body = {"company_id": company.id, "provider": provider, "credential": {"api_key": key}}
        answer = org.api.post("/partner/v1/connections", json=body)
        problem(answer, 422, "credential_refused")
        assert pointers(answer.json()) == [("/credential/api_key", "credential_refused")]
        assert key not in answer.text
    for listed in ("connections", "senders"):
        assert org.api.get(f"/partner/v1/{listed}").json()["data"] == []
    (capability,) = company.api.get("/v1/capabilities").json()["data"]
    assert capability["status"] == "entitled"
    body["credential"]["api_key"] = own  # type: ignore[index]
    assert org.api.post("/partner/v1/connections", json=body).status_code == 201
