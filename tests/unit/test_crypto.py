"""Tokens, keys, tickets and sealed secrets."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import replace
from uuid import uuid4

import pytest

from api.access.vault import (
    BASE62,
    DecryptionError,
    SealedField,
    Vault,
    last_four,
)
from api.db.ticket import Tickets, hmac_pads
from api.settings import generate_key, parse_keys

PLACE = SealedField(uuid4(), "connections", "credential", uuid4())
PEPPER = b"p" * 32
OLD, NEW = generate_key("e1"), generate_key("e2")


def vault(encryption: str = OLD) -> Vault:
    return Vault(pepper=PEPPER, encryption_keys=parse_keys(encryption))


@pytest.mark.parametrize(("tier", "prefix"), [("org", "obx_org_"), ("company", "obx_co_")])
def test_a_token_tells_its_tier(tier: str, prefix: str) -> None:
    token = vault().new_token(tier)
    assert token.startswith(prefix)
    assert len(token) == len(prefix) + 38
    assert vault().token_tier(token) == tier


@pytest.mark.parametrize("tier", ["org", "company"])
def test_a_token_with_one_character_changed_is_refused_without_a_look_up(tier: str) -> None:
    token = vault().new_token(tier)
    for at, character in enumerate(token):
        for other in {BASE62[(BASE62.find(character) + 7) % 62], "_", "é"} - {character}:
            assert vault().token_tier(token[:at] + other + token[at + 1 :]) is None


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "0", lambda t: t.upper(), lambda t: " " + t])
def test_a_token_of_another_form_is_refused(change: object) -> None:
    assert callable(change)
    assert vault().token_tier(change(vault().new_token("company"))) is None


def test_two_neighbours_swapped_are_refused() -> None:
    token = vault().new_token("company")
    swapped = {token[:at] + token[at + 1] + token[at] + token[at + 2 :] for at in range(len(token) - 1)} - {token}
    assert [text for text in swapped if vault().token_tier(text)] == []


def test_no_two_tokens_are_alike() -> None:
    assert len({vault().new_token("org") for _ in range(200)} | {vault().new_path_token() for _ in range(200)}) == 400


def test_what_was_made_under_another_pepper_is_refused_without_a_look_up() -> None:
    """The check digits are no checksum that a stranger can compute: a stranger's tokens cost no query."""
    stranger = Vault(pepper=b"q" * 32, encryption_keys=parse_keys(OLD))
    assert [tier for _ in range(500) if (tier := vault().token_tier(stranger.new_token("org")))] == []
    for prefix in ("obx_rt_", "obx_link_"):
        assert vault().is_ours(vault().new_secret(prefix), prefix)
        assert not vault().is_ours(vault().new_secret(prefix), "obx_other_")
        assert not any(vault().is_ours(stranger.new_secret(prefix), prefix) for _ in range(100))
    assert vault().is_ours(vault().new_path_token())
    assert not any(vault().is_ours(text) for text in ("", "x", "é" * 40, "\ud800" * 40, stranger.new_path_token()))


def test_a_refresh_tokens_child_is_always_the_same_and_ours() -> None:
    parent = vault().new_secret("obx_rt_")
    assert vault().child_of(parent) == vault().child_of(parent) != parent
    assert vault().is_ours(vault().child_of(parent), "obx_rt_")


def test_only_the_end_of_a_secret_is_shown() -> None:
    assert last_four("abcdefgh") == "efgh"


def test_keys_keep_the_order_in_which_they_are_written() -> None:
    assert list(parse_keys(f" {OLD} ,, {NEW},")) == ["e1", "e2"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ",
        "k1",
        "k1:",
        "k1:????",
        "k1:" + base64.b64encode(b"short").decode(),
        pytest.param(generate_key("K1"), id="upper-case kid"),
        pytest.param(generate_key("a-b"), id="kid with a dash"),
    ],
)
def test_a_bad_key_setting_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_keys(text)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 63, 64])
def test_the_pads_give_the_same_hmac(length: int) -> None:
    """The database computes HMAC from sha256 alone, so the pads must be right for every key we can make."""
    key, message = secrets.token_bytes(length), secrets.token_bytes(100)
    inner, outer = hmac_pads(key)
    ours = hashlib.sha256(outer + hashlib.sha256(inner + message).digest()).digest()
    assert ours == hmac.digest(key, message, "sha256")


def test_a_stored_token_is_bound_to_its_purpose() -> None:
    keys = vault()
    assert keys.token_hmac("x") == hmac.digest(PEPPER, b"token:x", "sha256")
    assert len({keys.token_hmac("x"), keys.token_hmac("x", purpose="hook"), keys.token_hmac("y")}) == 3


def test_a_ticket_is_signed_with_the_first_key_and_never_repeats() -> None:
    first, second = generate_key("t1"), generate_key("t2")
    keys = Tickets(parse_keys(f"{first},{second}"))
    tickets = {keys.sign("job", "subject") for _ in range(50)}
    assert len(tickets) == 50
    body, _, signature = tickets.pop().rpartition(":")
    assert body.startswith("v1:job:t1:subject:")
    assert signature == hmac.new(parse_keys(first)["t1"], body.encode(), "sha256").hexdigest()


def test_a_sealed_secret_opens_in_its_own_place() -> None:
    for secret in (b"", b"key", secrets.token_bytes(5000)):
        sealed = vault().seal(secret, PLACE)
        assert vault().unseal(sealed, PLACE) == secret
        assert secret == b"" or secret not in sealed


@pytest.mark.parametrize(
    "place",
    [
        replace(PLACE, org_id=uuid4()),
        replace(PLACE, table="connection"),
        replace(PLACE, column="hook_token"),
        replace(PLACE, row_id=uuid4()),
        replace(PLACE, table="connectionsc", column="redential"),
        replace(PLACE, org_id=PLACE.row_id, row_id=PLACE.org_id),
    ],
    ids=["org", "table", "column", "row", "boundary", "swapped"],
)
def test_a_sealed_secret_opens_nowhere_else(place: SealedField) -> None:
    sealed = vault().seal(b"key", PLACE)
    with pytest.raises(DecryptionError):
        vault().unseal(sealed, place)


def test_sealing_twice_gives_different_bytes() -> None:
    assert vault().seal(b"key", PLACE) != vault().seal(b"key", PLACE)


def test_no_byte_of_a_sealed_secret_can_be_changed() -> None:
    sealed = vault().seal(b"key", PLACE)
    for at in range(len(sealed)):
        with pytest.raises(DecryptionError):
            vault().unseal(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], PLACE)


def test_no_part_of_a_sealed_secret_is_enough() -> None:
    sealed = vault().seal(b"key", PLACE)
    for length in range(len(sealed)):
        with pytest.raises(DecryptionError):
            vault().unseal(sealed[:length], PLACE)


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    before = vault(OLD).seal(b"key", PLACE)
    turned = vault(f"{NEW},{OLD}")
    assert turned.unseal(before, PLACE) == b"key"
    after = turned.seal(b"key", PLACE)
    assert vault(NEW).unseal(after, PLACE) == b"key"
    with pytest.raises(DecryptionError):
        vault(OLD).unseal(after, PLACE)


def test_two_keys_of_one_name_do_not_open_each_others() -> None:
    with pytest.raises(DecryptionError):
        vault(generate_key("e1")).unseal(vault(OLD).seal(b"key", PLACE), PLACE)
