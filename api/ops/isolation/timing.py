"""How long a section of the proof took."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from api.ops.isolation.report import Section


@contextmanager
def timed(section: Section) -> Generator[Section]:
    """Note how long a section took."""
    began = time.monotonic()
    try:
        yield section
    finally:
        section.seconds = round(time.monotonic() - began, 2)
