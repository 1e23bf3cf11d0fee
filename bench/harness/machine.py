"""What it was measured on."""

import os
import platform
from datetime import date
from pathlib import Path


def describe(beside: str = "Kafka and PostgreSQL") -> str:
    """The machine and the day, in a sentence, with what is on it too."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    model = next(models, platform.machine())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE") / 1024**3
    return (
        f"{date.today():%-d %B %Y}, {os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {platform.release()},"
        f" with {beside} on the same machine."
    )
