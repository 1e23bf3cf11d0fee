"""python -m harness: the benchmark, see README.md. `bench/run` prepares the ground for it."""

import argparse
import signal
import sys

from harness import machine
from harness.environment import BENCH, Places
from harness.say import say
from harness.workloads import ALL

EVENTS = 2_000_000
ROUNDS = 3
ROWS = 50_000_000
RATES = (1_000, 20_000)
SYSTEMS = ("bare", "sensorstream", "spark", "flink", "streams")
PARTS = ("instructions", "jobs", "raw", "growth", "traces", "latency", "recovery")
# Not among the parts by default: it takes a quarter of an hour, and nothing of the cluster.
API = "api"


def arguments() -> argparse.Namespace:
    """What is to be measured; without any, everything."""
    parser = argparse.ArgumentParser(prog="bench/run", description="Measures the same jobs on several systems.")
    parser.add_argument("--events", type=int, default=EVENTS, help="events in each topic (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="runs of each job (default: %(default)s)")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), help="only these")
    names = [workload.name for workload in ALL]
    parser.add_argument("--workloads", nargs="+", choices=names, default=names, help="only these", metavar="JOB")
    parser.add_argument("--parts", nargs="+", choices=(*PARTS, API), default=list(PARTS), help="only these")
    parser.add_argument("--rates", nargs="+", type=int, default=list(RATES), help="events a second for latency")
    parser.add_argument("--rows", type=int, default=ROWS, help="readings for the API (default: %(default)s)")
    parser.add_argument("--accept", action="store_true", help="take the instruction counts for the right ones")
    parser.add_argument("--record", action="store_true", help="write what is committed of the results")
    return parser.parse_args()


def main() -> int:
    """Measures, and says what came of it."""
    told = arguments()
    # What has been started is ended, whoever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    failures = []
    if API in told.parts:
        failures += measure_api(told)
    parts = [part for part in told.parts if part != API]
    if parts:
        failures += measure(told, parts)
    for failure in failures:
        say(f"failed: {failure}")
    return 1 if failures else 0


def measure_api(told: argparse.Namespace) -> list[str]:
    """The API's part. Answers what failed."""
    from harness.api import part

    return part.run(Places.from_shell(), told.rows, told.record)


def measure(told: argparse.Namespace, parts: list[str]) -> list[str]:
    """The other parts. Answers what failed."""
    # Here, because the API's part needs none of the libraries.
    from harness.benchmark import Benchmark

    benchmark = Benchmark(told)
    for part in parts:
        getattr(benchmark, part)()
    report = benchmark.report
    print(report.tables())
    report.write(BENCH / "results.json" if told.record else benchmark.environment.scratch / "results.json")
    if told.record:
        report.put_into(BENCH / "README.md", machine.describe())
    return benchmark.failures


sys.exit(main())
