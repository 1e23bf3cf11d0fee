"""The cost's growth, drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("svg")
# Texts stay texts, and the same numbers give the same file.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "sensorstream", "font.size": 9})

from matplotlib import pyplot  # noqa: E402

from harness.outcome import Medians, Outcome  # noqa: E402

COLOUR = "#2f6f8f"


def draw(path: Path, runs: Mapping[str, Sequence[Outcome]], events: int) -> None:
    """Draws events a second, what an event takes of the processor's cores, and memory, a bar a point."""
    names = list(runs)
    points = [Medians.of(found, events) for found in runs.values()]
    panels = {
        "thousand events a second": [point.events_per_second / 1e3 for point in points],
        "µs of the processor's CPU an event": [point.cpu_micros_per_event for point in points],
        "memory, MiB": [point.peak_mib for point in points],
    }
    figure, axes = pyplot.subplots(1, len(panels), figsize=(10, 0.5 + 0.4 * len(names)), sharey=True)
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        bars = axis.barh(names, values, color=COLOUR)
        axis.bar_label(bars, fmt="%.3g", padding=3)
        axis.set_title(title, fontsize=9)
        axis.margins(x=0.2)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
