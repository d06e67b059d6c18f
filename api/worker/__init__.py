"""The job queue: lanes of work per provider account, and the loops that keep them honest. Knows no subject."""
