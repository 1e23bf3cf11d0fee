"""A process that is measured, and what it and its children take."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

MIB = 1024 * 1024
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")
# How often memory is looked at.
EVERY = 0.1


class Measured:
    """A process under way. Its output goes to a file, by lines."""

    def __init__(self, command: Sequence[object], log: Path, env: Mapping[str, str] | None = None):
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        self.started = time.time()
        self.peak = 0
        self.cpu_seconds = 0.0
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @property
    def peak_mib(self) -> float:
        """The most memory that it and its children had resident at a time."""
        return self.peak / MIB

    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def check(self) -> None:
        """Fails, with the end of its output, if it has ended badly."""
        code = self.process.poll()
        if code not in (None, 0):
            raise RuntimeError(f"{self.process.args[0]} ended with {code}:\n{self.tail()}")

    def tail(self) -> str:
        """The end of its output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])

    def wait(self, seconds: float) -> None:
        """Waits for a good end."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"not done within {seconds} s:\n{self.tail()}") from None
        self.check()

    def line(self, word: str) -> str | None:
        """What follows the word in the first line of the output that begins with it."""
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith(word + " "):
                return line[len(word) + 1 :]
        return None

    def stop(self, seconds: float = 60) -> None:
        """Asks it to end, and waits."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends it and its children at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def _watch(self) -> None:
        while self.running():
            processes = family(self.process.pid)
            self.peak = max(self.peak, sum(map(resident, processes)))
            # It only ever grows, but for children that end before they are waited for.
            self.cpu_seconds = max(self.cpu_seconds, sum(map(used, processes)))
            time.sleep(EVERY)


def family(root: int) -> list[int]:
    """A process and those that descend from it."""
    found = [root]
    for process in found:
        try:
            children = Path(f"/proc/{process}/task").glob("*/children")
            found.extend(int(child) for tasks in children for child in tasks.read_text().split())
        except OSError:
            pass  # it has ended meanwhile
    return found


def resident(process: int) -> int:
    """The bytes that it has resident."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def used(process: int) -> float:
    """The seconds of CPU that it has used, and its children that have ended."""
    try:
        # After the name, which may have spaces in it, and its bracket.
        numbers = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, numbers[11:15])) / TICKS
    except (OSError, IndexError):
        return 0.0
