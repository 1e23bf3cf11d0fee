"""A job whose rows go to PostgreSQL: what is found there, and in the topics and the lake beside it."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from harness import results
from harness.environment import Environment
from harness.workloads import Workload

# Reads the alerts in a topic, as a system writes them.
AlertReader = Callable[[Environment, str], pa.Table]


def found(
    environment: Environment, workload: Workload, run: str, url: str, lake: Path, alerts: AlertReader
) -> results.Found:
    """What a run has given out."""
    return results.Found(
        tables=results.tables(url, workload.tables),
        alerts=alerts(environment, f"{run}.alerts") if workload.system == "factory" else None,
        enriched=results.count(environment, f"{run}.enriched") if workload.enriched else None,
        lake=results.lake_rows(lake) if workload.lake else None,
    )
