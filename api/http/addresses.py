"""Which texts are addresses: one measure for people and for lists, so that no entry names who could not be added."""

import email_validator

from providers.identity import LONGEST_ADDRESS, address_of, email_key

# Reserved names such as example.com are refused by default; a list made for a test is a list all the same.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


def is_address(text: str) -> bool:
    """Tell whether a text is an address that mail can be sent to, by its form alone."""
    key = email_key(text)
    # Each label of a domain takes its time to be judged.
    if key is None or text.rstrip().endswith(".") or len(text) > LONGEST_ADDRESS:
        return False
    try:
        email_validator.validate_email(address_of(key), check_deliverability=False)
    except email_validator.EmailNotValidError:
        return False
    return True
