"""How many transactions a task has open: with one open nothing outside is waited for."""

from contextvars import ContextVar

OPEN_TRANSACTIONS: ContextVar[int] = ContextVar("open_transactions", default=0)


class TransactionOpenError(RuntimeError):
    """An outside call was about to be made while a transaction is open."""


def assert_no_transaction() -> None:
    """Raise TransactionOpenError inside a transaction: providers are never called while one is open."""
    if OPEN_TRANSACTIONS.get():
        raise TransactionOpenError("a provider may not be called while a transaction is open")
