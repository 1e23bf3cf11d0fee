"""The whole part: rows, requests, and what came of them."""

from harness import machine
from harness.api import data, ledger, measuring, report, server
from harness.environment import BENCH, Places
from harness.say import say


def run(places: Places, rows: int, record: bool) -> list[str]:
    """Measures, prints the tables and writes the plans. Answers what is not as it should be."""
    all_findings = []
    with server.running(places.scratch / "api-postgres") as postgres:
        ledger.make(postgres)
        for fleet in data.fleets(rows):
            data.make(postgres, fleet)
            ledger.enter(postgres, fleet)
            all_findings.append(measuring.measure(postgres, fleet, places.processor, places.scratch))
    failures = [failure for findings in all_findings for failure in findings.all_failures()]
    for findings in all_findings:
        print(f"{findings.fleet.name}\n\n{report.requests(findings)}\n")
    print(report.summary(all_findings))
    plans = (BENCH if record else places.scratch) / "api-plans.md"
    plans.write_text(report.document(all_findings, failures, machine.describe("PostgreSQL")))
    say(f"the plans are in {plans}")
    if record:
        report.put_into(BENCH / "README.md", all_findings, failures, machine.describe("PostgreSQL"))
    return failures
