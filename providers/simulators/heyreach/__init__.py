"""A stand-in for HeyReach: its answers, its quirks, and a ledger of side effects."""
