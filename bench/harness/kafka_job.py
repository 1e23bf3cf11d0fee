"""A job whose rows go to topics: those that it needs, and what is found in them."""

from harness import results, topics
from harness.environment import Environment
from harness.workloads import Workload


def prepare(environment: Environment, workload: Workload, run: str) -> None:
    """Makes the topics."""
    topics.make(environment, *(f"{run}.{name}" for name in outputs(workload)))


def outputs(workload: Workload) -> tuple[str, ...]:
    """What is written: the tables' rows, and alerts."""
    return (*workload.tables, "alerts") if workload.system == "factory" else workload.tables


def found(environment: Environment, workload: Workload, run: str) -> results.Found:
    """What a run has given out."""
    rows = {name: results.latest(environment, f"{run}.{name}", name) for name in workload.tables}
    alerts = results.alerts(environment, f"{run}.alerts") if workload.system == "factory" else None
    return results.Found(tables=rows, alerts=alerts)
