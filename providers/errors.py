"""What can go wrong at a provider, judged by status and body code, never by searching a message.

ProviderError           `permanent` says whether trying the same again can help
├── CredentialRefused   permanent; the key is wrong or revoked, and so every other request with it fails
├── Refused             permanent; this one request, which is known to have had no effect
├── Passing             known to have had no effect; try again, not before `retry_after` seconds
└── Uncertain           it may have taken effect; ask before trying again
"""


class ProviderError(Exception):
    """The provider did not do what a request wanted."""

    permanent = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.request_id = request_id


class CredentialRefused(ProviderError):
    """The provider does not accept the key. No kind of Refused: code that handles one request's refusal must not take
    the loss of the account for it."""

    permanent = True


class Refused(ProviderError):
    """The provider refused, and nothing changed there."""

    permanent = True


class Passing(ProviderError):
    """The provider could not take it now, and nothing changed there."""


class Uncertain(ProviderError):
    """The answer was lost or made no sense; the work may be done."""
