"""Asking each request, and collecting what PostgreSQL did for it."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.api import cases, plans, statements
from harness.api.cases import Case
from harness.api.coming import Coming, coming
from harness.api.data import Fleet
from harness.api.ledger import READER
from harness.api.listening import BATCH, streams
from harness.api.server import Server
from harness.api.serving import Api, serving
from harness.api.statements import Bound
from harness.say import say


@dataclass(frozen=True)
class Judged:
    """A plan, what it may take, and which request it is of."""

    plan: plans.Plan
    most: Bound
    request: str

    @property
    def badness(self) -> float:
        """How near it is to what it may take; beyond if more than 1."""
        return max(self.plan.buffers / self.most.pages, self.plan.read / self.most.rows)


@dataclass
class Measured:
    """What came of a request."""

    milliseconds: list[float] = field(default_factory=list)
    rows: int = 0  # the most in one answer
    worst: Judged | None = None

    def take(self, judged: Judged) -> None:
        """Keeps the worst plan."""
        if self.worst is None or judged.badness > self.worst.badness:
            self.worst = judged


@dataclass
class Findings:
    """All of a pipeline."""

    fleet: Fleet
    requests: dict[str, Measured] = field(default_factory=lambda: defaultdict(Measured))
    worst: dict[str, Judged] = field(default_factory=dict)  # by statement
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by statement
    executions: Counter[tuple[str, int]] = field(default_factory=Counter)  # by statement and connection
    generic: Counter[str] = field(default_factory=Counter)  # by statement
    excesses: dict[tuple[str, str], str] = field(default_factory=dict)  # by request and statement, the first
    failures: list[str] = field(default_factory=list)

    def all_failures(self) -> list[str]:
        """What is not as it should be."""
        least = statements.CUSTOM_PLANS + 1
        seldom = [
            f"{statement} is executed {self.most_on_one(statement)} times on a connection, which says too little"
            for statement in statements.ALL
            if statement not in statements.SELDOM and self.most_on_one(statement) < least
        ]
        found = [*self.failures, *self.excesses.values(), *seldom]
        return [f"{self.fleet.name}: {failure}" for failure in found]

    def most_on_one(self, statement: str) -> int:
        """How often a statement was executed on the connection that executed it most."""
        return max((times for (name, _), times in self.executions.items() if name == statement), default=0)


def measure(server: Server, fleet: Fleet, processor: Path, folder: Path) -> Findings:
    """Asks everything of a pipeline, at rest and while rows come."""
    findings = Findings(fleet)
    everything = cases.every(server, fleet)
    log = plans.Log(server.log)
    with serving(server, fleet, processor, folder) as api:
        asker = Asker(api, log, findings)
        say(f"{fleet.name}: {len(everything)} requests, at rest")
        for case in everything:
            asker.ask(case)
        say(f"{fleet.name}: again, while rows come")
        with coming(server, fleet, fleet.readings) as state:
            asker.coming = state
            for case in everything:
                asker.ask(case)
            say(f"{fleet.name}: events")
            for listen in streams(api, fleet, state):
                asker.hear(listen)
    return findings


class Asker:
    """Asks one request after the other."""

    def __init__(self, api: Api, log: plans.Log, findings: Findings):
        self._api = api
        self._log = log
        self._findings = findings
        self.coming: Coming | None = None

    def ask(self, case: Case) -> None:
        """Asks a request several times, or from page to page."""
        measured = self._findings.requests[case.name]
        for target in case.targets * case.times:
            path = target.split("?")[0]
            following: str | None = target
            for _ in range(case.pages):
                if following is None:
                    break
                time.sleep(case.pause)
                answer = self._api.get(following)
                measured.milliseconds.append(answer.seconds * 1000)
                measured.rows = max(measured.rows, answer.rows)
                if answer.status != case.status:
                    self._findings.failures.append(f"{following} is answered with {answer.status}")
                    break
                following = None if answer.link is None else path + answer.link
        self._take_plans(case.name, case.statement, case.asked)

    def hear(self, listen: Callable) -> None:
        """Listens to a stream."""
        listened = listen()
        measured = self._findings.requests[listened.name]
        measured.rows = max([measured.rows, *(event.rows for event in listened.events)])
        if listened.missing:
            self._findings.failures.append(f"{listened.name}: no readings came")
        for plan in self._take_plans(listened.name, listened.statement, BATCH):
            measured.milliseconds.append(plan.milliseconds)

    def _take_plans(self, request: str, wanted: str, asked: int) -> list[plans.Plan]:
        """Judges what was executed since the last time. Answers those plans that are the request's."""
        findings = self._findings
        time.sleep(plans.SETTLES)
        taken = []
        for plan in self._log.new(READER):
            statement = statements.name_of(plan.sql)
            findings.milliseconds[statement].append(plan.milliseconds)
            findings.executions[statement, plan.backend] += 1
            findings.generic[statement] += plan.generic
            coming = self.coming.beyond - self.coming.first if self.coming else 0
            # What is not the request's is of looks and probes meanwhile, which ask for little.
            of_request = asked if statement == wanted else 1
            most = statements.bound(statement, of_request, findings.fleet, coming)
            judged = Judged(plan, most, request)
            for excess in statements.excesses(plan, most):
                findings.excesses.setdefault((request, statement), f"{request}: the statement for {statement} {excess}")
            last = findings.worst.get(statement)
            if last is None or judged.badness > last.badness:
                findings.worst[statement] = judged
            if statement == wanted:
                findings.requests[request].take(judged)
                taken.append(plan)
        return taken
