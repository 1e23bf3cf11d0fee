"""What PostgreSQL did for each statement, from auto_explain's part of its log."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# How long the last lines may be under way.
SETTLES = 0.1
SCANS = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Tid Scan")
PARAMETER = re.compile(r"\$\d+")
CONDITIONS = ("Index Cond", "Recheck Cond", "Filter")


@dataclass(frozen=True)
class Plan:
    """How a statement was carried out once."""

    backend: int
    milliseconds: float
    sql: str
    root: dict

    def nodes(self) -> Iterator[dict]:
        """The plan's nodes, from the root on."""
        return below(self.root)

    def scans(self) -> Iterator[dict]:
        """The nodes that read tables."""
        return (node for node in self.nodes() if node["Node Type"] in SCANS)

    @property
    def rows(self) -> int:
        """Rows that came of it."""
        return self.root["Actual Rows"]

    @property
    def buffers(self) -> int:
        """Pages looked at, in memory or not."""
        return self.root["Shared Hit Blocks"] + self.root["Shared Read Blocks"]

    @property
    def read(self) -> int:
        """Rows that were looked at in tables, whether they were wanted or not."""
        return sum(read(node) for node in self.scans())

    @property
    def sorted(self) -> int:
        """Rows that were sorted with no help of an index's order."""
        sorts = (node for node in self.nodes() if node["Node Type"] == "Sort")
        return sum(child["Actual Rows"] * child["Actual Loops"] for node in sorts for child in node["Plans"])

    @property
    def indexes(self) -> list[str]:
        """The indexes that it went by."""
        return sorted({node["Index Name"] for node in self.nodes() if "Index Name" in node})

    @property
    def generic(self) -> bool:
        """Whether it was planned without the parameters' values."""
        nodes = list(self.nodes())
        texts = (node[name] for node in nodes for name in CONDITIONS if name in node)
        # Those that another part of the plan computes first look the same.
        computed = (node["Subplan Name"] for node in nodes if "Subplan Name" in node)
        return bool(parameters(texts) - parameters(computed))

    def sequential(self) -> list[str]:
        """The tables of a pipeline that were read from one end to the other."""
        through = (node for node in self.scans() if node["Node Type"] == "Seq Scan" and node["Actual Loops"])
        return [node["Relation Name"] for node in through]

    def text(self) -> str:
        """The plan, a line a node and one for each condition."""
        return "\n".join(lines(self.root))


def parameters(texts: Iterable[str]) -> set[str]:
    """The parameters that texts name."""
    return {found for text in texts for found in PARAMETER.findall(text)}


def below(node: dict) -> Iterator[dict]:
    """A node and those below."""
    yield node
    for child in node.get("Plans", ()):
        yield from below(child)


def read(node: dict) -> int:
    """Rows that a scan looked at."""
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return round((node["Actual Rows"] + removed) * node["Actual Loops"])


def lines(node: dict, depth: int = 0) -> Iterator[str]:
    """A node as lines."""
    space = "  " * depth
    words = [node["Node Type"]]
    if "Index Name" in node:
        words.append(f"using {node['Index Name']}")
    elif "Relation Name" in node:
        words.append(f"on {node['Relation Name']}")
    figures = [f"rows {node['Actual Rows']:,}"]
    if node["Actual Loops"] != 1:
        figures.append(f"loops {node['Actual Loops']:,}")
    if node.get("Rows Removed by Filter"):
        figures.append(f"removed {node['Rows Removed by Filter']:,}")
    figures.append(f"buffers {node['Shared Hit Blocks'] + node['Shared Read Blocks']:,}")
    yield f"{space}{' '.join(words)} ({', '.join(figures)})"
    for name in ("Presorted Key", "Sort Key"):
        if name in node:
            yield f"{space}    {name}: {', '.join(node[name])}"
            break
    for name in CONDITIONS:
        if name in node:
            yield f"{space}    {name}: {node[name]}"
    for child in node.get("Plans", ()):
        yield from lines(child, depth + 1)


class Log:
    """The log, read on from where it was left."""

    def __init__(self, path: Path):
        self._path = path
        self._at = path.stat().st_size

    def new(self, role: str) -> list[Plan]:
        """The plans of a role's statements since the last time."""
        with self._path.open("rb") as log:
            log.seek(self._at)
            entries = log.readlines()
        # The last line may be under way.
        if entries and not entries[-1].endswith(b"\n"):
            entries.pop()
        self._at += sum(map(len, entries))
        parsed = (json.loads(entry) for entry in entries)
        return [plan for entry in parsed if entry.get("user") == role for plan in explained(entry)]


def explained(entry: dict) -> Iterator[Plan]:
    """The plan in an entry, if it is one."""
    found = re.fullmatch(r"duration: ([\d.]+) ms  plan:\n(.*)", entry["message"], re.DOTALL)
    if found:
        told = json.loads(found[2])
        yield Plan(entry["pid"], float(found[1]), told["Query Text"], told["Plan"])
