"""Reads in one round trip: what goes wrong on a connection leaves nothing behind on it."""

import threading

from tests.engine import Engine


def test_a_refused_token_on_a_fresh_connection_spoils_nothing_for_the_next(engine: Engine) -> None:
    company = engine.new_organization().new_company()
    engine.kill("api")  # fresh pools: nothing is prepared on any connection
    stranger = engine.client(engine.vault.new_token("company"))
    answers = [client.get("/v1/campaigns").status_code for _ in range(10) for client in (stranger, company.api)]
    assert answers == [401, 200] * 10


def test_reads_of_many_tenants_at_once_never_mix(engine: Engine) -> None:
    organization = engine.new_organization()
    companies = [organization.new_company(f"Company {number}") for number in range(6)]
    for company in companies:
        body = {"name": company.name, "capability": "email_outreach"}
        company.api.post("/v1/campaigns", json=body).raise_for_status()
    wrong: list[str] = []

    def read(index: int) -> None:
        with engine.client(companies[index].token) as client:
            for _ in range(60):
                page = client.get("/v1/campaigns").json()["data"]
                if [row["company_id"] for row in page] != [companies[index].id]:
                    wrong.append(str(page))

    threads = [threading.Thread(target=read, args=(index,)) for index in range(len(companies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_read_cut_off_by_its_client_leaves_the_connection_usable(engine: Engine) -> None:
    company = engine.new_organization().new_company()
    for _ in range(30):
        with engine.client(company.token) as client:
            request = client.build_request("GET", "/v1/campaigns")
            client.send(request, stream=True).close()
    assert company.api.get("/v1/campaigns").status_code == 200
