"""Where Maven has put the jars."""

from pathlib import Path

from harness.environment import BENCH


def jars(module: str) -> list[Path]:
    """The jars of a module, its own too."""
    target = BENCH / "jvm" / module / "target"
    return sorted([*target.glob("*.jar"), *target.glob("jars/*.jar")])
