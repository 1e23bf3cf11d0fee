"""How many instructions the hot path takes an event: decoding, assigning to windows, aggregating. Valgrind counts
them, the same on every machine, however busy it is; so what got slower shows before it can be measured."""

import json
import re
import subprocess

from harness import pipelines
from harness.environment import BENCH, Environment
from harness.workloads import Workload

COMMITTED = BENCH / "instructions.json"
EVENTS = 50_000
# Another compiler or libc takes somewhat more or less.
TOLERANCE = 0.03
PATIENCE = 600
COLLECTED = re.compile(r"Collected : (\d+)")


def count(environment: Environment, workload: Workload) -> int:
    """Instructions an event, of events in memory."""
    run = f"bench-hot-{workload.system}"
    resource = pipelines.declare(environment, workload, "none", run, environment.scratch)
    command = ["valgrind", "--tool=callgrind", "--toggle-collect=*hot_path*"]
    command += [f"--callgrind-out-file={environment.scratch / run}.callgrind"]
    command += [str(environment.tool), "hot", workload.system, str(resource), "--events", str(EVENTS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    found = COLLECTED.search(done.stderr)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"counting instructions:\n{done.stdout}{done.stderr}")
    return round(int(found[1]) / EVENTS)


def committed() -> dict[str, int]:
    """What is in the repository, by workload."""
    return json.loads(COMMITTED.read_text())


def accept(counts: dict[str, int]) -> None:
    """Makes these the committed ones."""
    COMMITTED.write_text(json.dumps(counts, indent=2) + "\n")


def slip(now: int, before: int) -> float | None:
    """By how much it got slower, if that is more than tolerance."""
    change = now / before - 1
    return change if change > TOLERANCE else None
