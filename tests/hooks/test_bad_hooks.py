"""Whatever arrives at a webhook address is answered 200 and kept; what cannot be read is put aside, with a reason."""

import hashlib
import json
import secrets
from collections import Counter
from contextlib import suppress

import httpx

from tests.api.answers import problem
from tests.engine import Engine, wait_for
from tests.hooks.stories import Person, Scene, build, changed

LEVELS = 10_000
STRANGER = Person("nobody@nowhere.example.net", "", "99999999", "99999998")
UNREADABLE = {
    "broken JSON": (b'{"event_type": "EMAIL_SENT"', "not_json"),
    "an empty body": (b"", "not_json"),
    "spaces": (b"  \r\n", "not_json"),
    "an array of numbers": (b"[1, 2]", "not_an_object"),
    "an empty array": (b"[]", "not_an_object"),
    "a text": (b'"EMAIL_SENT"', "not_an_object"),
    "null": (b"null", "not_an_object"),
    "a NUL": (b"\0", "not_json"),
    "not UTF-8": (b'{"event_type": "\xff\xfe"}', "not_json"),
    "deep arrays": (b"[" * LEVELS + b"]" * LEVELS, None),
    "deep objects": (b'{"a":' * LEVELS + b"1" + b"}" * LEVELS, None),
    "a form": (b"event_type=EMAIL_SENT", "not_json"),
    "an object without anything": (b"{}", None),
    "a huge number": (b'{"event_type": "EMAIL_SENT", "campaign_id": ' + b"9" * 5000 + b"}", None),
    "an event type that is no text": (b'{"event_type": {"a": 1}, "campaign_id": 1}', "unknown_event_type"),
    "no campaign": (b'{"event_type": "EMAIL_SENT", "to_email": "a@b.example"}', "no_campaign"),
    "no lead": (b'{"event_type": "EMAIL_SENT", "campaign_id": 1}', "no_lead"),
}


def test_what_cannot_be_read_is_stored_and_put_aside_and_holds_nothing_up(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    for name, (body, _) in UNREADABLE.items():
        answer = scene.send(body)
        assert (answer.status_code, answer.content) == (200, b""), name
    person = scene.people.pop()
    assert scene.send(scene.retold("live/email_open", person)).status_code == 200
    assert scene.settled()[-1]["state"] == "projected"
    assert scene.types(person) == Counter({"message.opened": 1})
    for name, (body, reason) in UNREADABLE.items():
        (row,) = scene.kept({body})
        assert row["state"] == "quarantined", name
        assert "smartlead" not in row["reason"].lower()
        assert row["reason"] == (reason or row["reason"]), name


def test_what_names_nothing_of_ours_is_put_aside_and_changes_nothing(scenes: tuple[Scene, Scene]) -> None:
    scene, person = scenes[0], scenes[0].people.pop()
    good = scene.retold("live/email_bounce", person)
    kinds = {
        "unknown_event_type": changed(good, event_type="EMAIL_TELEPORTED"),
        "unknown_campaign": changed(good, campaign_id=987654321),
        "unknown_lead": scene.retold("live/email_bounce", STRANGER),
    }
    before, events = len(scene.rows()), scene.events()
    for body in kinds.values():
        assert scene.send(body).status_code == 200
    assert [row["reason"] for row in scene.settled()[before:]] == list(kinds)
    assert scene.events() == events
    assert scene.enrolment(person)["status"] == "active"


def test_a_nul_or_a_lone_surrogate_inside_a_text_does_not_lose_the_fact(scenes: tuple[Scene, Scene]) -> None:
    scene, person = scenes[0], scenes[0].people.pop()
    body = json.loads(scene.retold("live/email_reply", person))
    body["reply_message"]["text"] = "Yes\0 and \ud800 no"
    assert scene.send(json.dumps(body).encode()).status_code == 200
    assert scene.settled()[-1]["state"] == "projected"
    assert scene.types(person) == Counter({"message.replied": 1})
    surrogate = changed(scene.retold("live/email_open", person), campaign_id="\ud800")
    assert scene.send(surrogate).status_code == 200
    assert scene.settled()[-1]["reason"] == "unknown_campaign"


ODD: dict[str, dict[str, object]] = {
    "NUL in an id": {"sl_email_lead_id": "7\0"},
    "no such day": {"event_timestamp": "0000-99-99"},
    "last day": {"event_timestamp": "9999-12-31T23:59:59-14:00"},
    "first day": {"event_timestamp": "0001-01-01T00:00:00+14:00"},
    "huge number": {"event_timestamp": 1e308, "sequence_number": 1e308},
    "infinity": {"event_timestamp": "infinity"},
    "long digits": {"sequence_number": "1" * 400},
    "superscript digit": {"sequence_number": "²"},
    "long stats id": {"stats_id": secrets.token_hex(50_000)},
    "list for a text": {"stats_id": ["a"], "to_email": ["a@b.example"], "subject": {"a": 1}},
    "long address": {"to_email": "a" * 60_000},
    "long address with a host": {"to_email": "a" * 5_000 + "@b.example"},
    "long message id": {"message_id": secrets.token_hex(50_000), "reply_message": {}},
    "event name too long": {"event_type": "E" * 100_000},
}


def test_an_odd_value_holds_nothing_up(engine: Engine, scenes: tuple[Scene, Scene]) -> None:
    scene = build(engine, engine.new_organization(), "Odd")
    odd = scene.people.pop()
    names: dict[bytes, str] = {}
    good: list[Person] = []
    for name, values in ODD.items():
        for sample in ("live/email_open", "live/email_reply"):
            body = changed(scene.retold(sample, odd), **values)
            names[hashlib.sha256(body).digest()] = name
            assert scene.send(body).status_code == 200, name
        good.append(scene.people.pop())
        assert scene.send(scene.retold("live/email_open", good[-1])).status_code == 200

    def unread() -> list[str]:
        rows = [row for row in scene.rows() if row["state"] == "received"]
        return [names.get(bytes(row["body_sha256"]), "a good one") for row in rows]

    with suppress(AssertionError):
        wait_for("all read", lambda: not unread(), 15.0)
    assert unread() == [], "the first of these holds the others up"
    assert [scene.types(person) for person in good] == [Counter({"message.opened": 1})] * len(good)


def test_a_webhook_to_one_company_that_names_anothers_campaign_changes_nothing(scenes: tuple[Scene, Scene]) -> None:
    a, b = scenes
    victim = b.people.pop()
    events, stored = b.events(), len(b.rows())
    before = len(a.rows())
    for name in ("live/email_reply", "live/lead_unsubscribed", "live/email_bounce"):
        assert a.send(b.retold(name, victim)).status_code == 200
    borrowed = changed(b.retold("live/email_reply", victim), campaign_id=int(a.external_id))
    assert a.send(borrowed).status_code == 200
    reasons = [row["reason"] for row in a.settled()[before:]]
    assert reasons == ["unknown_campaign"] * 3 + ["unknown_lead"]
    assert b.events() == events
    assert len(b.rows()) == stored
    assert b.enrolment(victim)["status"] == "active"
    assert victim.email not in b.company.api.get("/v1/suppressions").text
    assert b.send(b.retold("live/email_reply", victim)).status_code == 200
    b.settled()
    assert b.enrolment(victim)["status"] == "replied"


def test_only_an_unknown_address_and_a_too_large_body_are_refused(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    base = scene.url.rpartition("/")[0]
    before = len(scene.rows())
    with httpx.Client(timeout=60) as client:
        for token in (
            "unknown",
            secrets.token_urlsafe(32),
            "%00",
            "%ff",
            "a" * 5000,
            scene.url.rpartition("/")[2] + "x",
        ):
            problem(client.post(f"{base}/{token}", content=b"{}"), 404, "not_found")
        problem(client.post(scene.url, content=b" " * (11 * 1024 * 1024)), 413, "too_large")
        chunks = (b" " * 65536 for _ in range(11 * 16))
        problem(client.post(scene.url, content=chunks), 413, "too_large")
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            answer = client.request(method, scene.url)
            problem(answer, 405, "method_not_allowed")
            assert answer.headers.get("allow") == "POST"
    assert len(scene.rows()) == before


def test_the_largest_body_that_is_taken_is_ten_mebibytes(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    before = len(scene.rows())
    assert scene.send(b" " * (10 * 1024 * 1024)).status_code == 200
    assert [row["reason"] for row in scene.settled()[before:]] == ["not_json"]


def test_what_is_stored_is_not_readable_in_the_database(scenes: tuple[Scene, Scene]) -> None:
    scene, person = scenes[0], scenes[0].people.pop()
    assert scene.send(scene.retold("live/email_open", person)).status_code == 200
    assert all(person.email.encode() not in bytes(row["body"]) for row in scene.settled())
