"""A stand-in for Smartlead: its answers, its quirks, and a ledger of side effects."""
