"""Which texts are addresses: one measure for people and for lists, so that no entry names who could not be added."""

import re
from functools import lru_cache

import email_validator

from providers.identity import LONGEST_ADDRESS, address_of, email_key

# Reserved names such as example.com are refused by default; a list made for a test is a list all the same.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


LONGEST_PLAIN = 254  # of a whole address: RFC 5321
# What needs no judge: the local parts of nearly all addresses.
PLAIN_LOCAL = re.compile(r"(?=.{1,64}\Z)[a-z0-9]++(?:[._+-][a-z0-9]++)*+", re.ASCII)


def is_address(text: str) -> bool:
    """Tell whether a text is an address that mail can be sent to, by its form alone."""
    key = email_key(text)
    # Each label of a domain takes its time to be judged.
    if key is None or text.rstrip().endswith(".") or len(text) > LONGEST_ADDRESS:
        return False
    address = address_of(key)
    local, _, domain = address.rpartition("@")
    if PLAIN_LOCAL.fullmatch(local) and len(address) <= LONGEST_PLAIN:
        return _may_be_sent_to(f"a@{domain}")
    return _is_valid(address)


@lru_cache(maxsize=8192)
def _may_be_sent_to(example: str) -> bool:
    """Tell it of a domain, by an address of it: lists have many people of few domains."""
    return _is_valid(example)


def _is_valid(address: str) -> bool:
    try:
        email_validator.validate_email(address, check_deliverability=False)
    except email_validator.EmailNotValidError:
        return False
    return True
