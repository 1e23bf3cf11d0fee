"""Our pipelines, as resources, and the ground they stand on."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from string import Template

from harness import topics
from harness.environment import BENCH, PARTITIONS, Environment
from harness.workloads import Workload

NAMESPACE = "bench"
SCHEMA = "bench"


@dataclass(frozen=True)
class Settings:
    """What is not the same in every run of a job."""

    every: str = "1s"  # how often rows of open windows are written
    partitions: int = PARTITIONS
    windows: str = ""  # more of them, as YAML


def prepare(
    environment: Environment, workload: Workload, topic: str, run: str, database: str, settings: Settings = Settings()
) -> tuple[Path, Path]:
    """Makes the tables and topics of a new pipeline. Answers its processor's configuration, and the folder
    that is its lake if it has one."""
    lake = environment.folder(f"{run}-lake")
    resource = declare(environment, workload, topic, run, lake, settings)
    text = subprocess.run(
        [environment.tool, "prepare", resource],
        env={**os.environ, "DATABASE_URL": database},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    config = environment.scratch / f"{run}.json"
    config.write_text(text)
    outputs = json.loads(text)["outputs"]
    written = [outputs[name]["topic"]["name"] for name in ("alerts", "enriched", "deadLetter") if name in outputs]
    topics.make(environment, *written, link(run))
    return config, lake


def declare(
    environment: Environment, workload: Workload, topic: str, run: str, lake: Path, settings: Settings = Settings()
) -> Path:
    """Writes a pipeline's resource."""
    template = Template((BENCH / "pipelines" / f"{workload.pipeline}.yaml").read_text())
    resource = environment.scratch / f"{run}.yaml"
    resource.write_text(
        template.substitute(
            run=run,
            topic=topic,
            bootstrap=environment.bootstrap,
            every=settings.every,
            partitions=settings.partitions,
            windows=settings.windows,
            lake=f'lake: {{ uri: "file://{lake}" }}' if workload.lake else "",
            enriched=f'enriched: {{ topic: {{ name: "{run}.enriched", partitions: {PARTITIONS} }} }}'
            if workload.enriched
            else "",
        )
    )
    return resource


def link(run: str) -> str:
    """The topic between a pipeline's two stages."""
    return f"sensorstream.{NAMESPACE}.{run}.link"
