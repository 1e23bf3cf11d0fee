"""Where everything is: the cluster's Kafka and PostgreSQL, the programs, and room for files."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

BENCH = Path(__file__).resolve().parent.parent
PARTITIONS = 3


@dataclass(frozen=True)
class Places:
    """The programs, and room for files. They come from the shell, see bench/run."""

    programs: Path
    scratch: Path

    @staticmethod
    def from_shell() -> "Places":
        """Those that bench/run sets up."""
        scratch = Path(os.environ["BENCH_SCRATCH"])
        scratch.mkdir(parents=True, exist_ok=True)
        return Places(Path(os.environ["BENCH_PROGRAMS"]), scratch)

    @property
    def tool(self) -> Path:
        """Our own tool: events, the bare loop, the ground for pipelines."""
        return self.programs / "sensorstream-bench"

    @property
    def processor(self) -> Path:
        """What is released."""
        return self.programs / "sensorstream-processor"

    def folder(self, name: str) -> Path:
        """An empty folder."""
        folder = self.scratch / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def clean(self, run: str) -> None:
        """Removes the folders of a run. What it said stays."""
        for folder in self.scratch.glob(f"{run}-*/"):
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Environment(Places):
    """What every part but the API's needs to know: the cluster's addresses besides."""

    bootstrap: str
    database_url: str

    @staticmethod
    def from_shell() -> "Environment":
        """The one that bench/run sets up."""
        places = Places.from_shell()
        return Environment(
            programs=places.programs,
            scratch=places.scratch,
            bootstrap=os.environ["KAFKA_BOOTSTRAP"],
            database_url=os.environ["DATABASE_URL"],
        )

    def database(self, name: str) -> str:
        """The URL of another database of the same server."""
        return urlunsplit(urlsplit(self.database_url)._replace(path=f"/{name}"))
