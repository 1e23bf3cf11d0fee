"""What was found, as tables, and the plans."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from harness.api.measuring import Findings, Judged
from harness.api.statements import ALL, PROBE, shortened

BEGIN = "<!-- the API's: written by bench/run --parts api --record -->"
END = "<!-- end of the API's -->"
PROMISE = "**Every statement stays on the indexes, and within what it may take.**"


def requests(findings: Findings) -> str:
    """Each request: how long, how many rows, and the worst that PostgreSQL did for it."""
    head = ["request", "median, ms", "worst, ms", "rows", "rows read", "pages", "may be", "indexes"]
    rows = []
    for name, measured in findings.requests.items():
        times = measured.milliseconds
        row = [f"`{name}`", f"{median(times):,.1f}" if times else "–", f"{max(times):,.1f}" if times else "–"]
        rows.append([*row, f"{measured.rows:,}", *taken(measured.worst)])
    return table(head, rows)


def summary(all_findings: list[Findings]) -> str:
    """Each statement over all requests."""
    head = ["pipeline", "statement", "executions", "most on a connection", "planned without values"]
    head += ["median, ms", "worst, ms", "rows read", "pages", "may be", "indexes"]
    rows = []
    for findings in all_findings:
        for statement in known(findings):
            times = findings.milliseconds[statement]
            counts = [len(times), findings.most_on_one(statement), findings.generic[statement]]
            row = [findings.fleet.name, statement, *(f"{count:,}" for count in counts)]
            row += [f"{median(times):,.1f}", f"{max(times):,.1f}"]
            rows.append([*row, *taken(findings.worst[statement])])
    return table(head, rows)


def taken(judged: Judged | None) -> list[str]:
    """What the worst plan took."""
    if judged is None:
        return ["–"] * 4
    plan = judged.plan
    indexes = ", ".join(f"`{name}`" for name in plan.indexes) or "–"
    return [f"{plan.read:,}", f"{plan.buffers:,}", f"{judged.most.pages:,}", indexes]


def known(findings: Findings) -> list[str]:
    """The statements that were executed, but for the one that reads nothing."""
    return [statement for statement in ALL if statement in findings.worst and statement != PROBE]


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def verdict(failures: list[str]) -> str:
    """Whether all is as it should be."""
    if not failures:
        return PROMISE
    return "**Not as it should be:**\n\n" + "\n".join(f"- {failure}" for failure in failures)


def document(all_findings: list[Findings], failures: list[str], machine: str) -> str:
    """All of it, with the plans."""
    parts = ["# How PostgreSQL carries out the API's statements", machine, verdict(failures)]
    parts.append(
        "Written by `bench/run --parts api --record`; [README.md](README.md) says what is measured. Of each statement"
        " there is the execution that came nearest to what it may take. Pages are those looked at (8 KiB each), in"
        " memory or not; a node's are also those of the nodes below it."
    )
    for findings in all_findings:
        fleet = findings.fleet
        parts.append(f"## {fleet.name}")
        parts.append(f"{fleet.readings:,} readings and {fleet.windows:,} windows of {fleet.devices:,} devices.")
        parts.append(requests(findings))
        for statement in known(findings):
            parts.extend(worst(statement, findings.worst[statement]))
    return "\n\n".join(parts) + "\n"


def worst(statement: str, judged: Judged) -> Iterator[str]:
    """A statement and its plan."""
    yield f"### {title(statement)}"
    yield f"At `{judged.request}`:"
    yield f"```sql\n{shortened(judged.plan.sql)}\n```"
    yield f"```text\n{judged.plan.text()}\n```"


def title(statement: str) -> str:
    """A statement's name, as a title has it."""
    return statement[0].upper() + statement[1:]


def put_into(readme: Path, all_findings: list[Findings], failures: list[str], machine: str) -> None:
    """Puts the summary where the README has it."""
    before, rest = readme.read_text().split(BEGIN, 1)
    _, after = rest.split(END, 1)
    parts = [BEGIN, machine, verdict(failures), summary(all_findings), END]
    readme.write_text(before + "\n\n".join(parts) + after)
