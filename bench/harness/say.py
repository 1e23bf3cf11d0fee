"""Progress."""

import sys


def say(text: str) -> None:
    """Says it on standard error: the tables are the output."""
    print(text, file=sys.stderr, flush=True)
