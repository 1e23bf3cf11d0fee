"""What traces cost: the factory job while they are off, as they are by default, and while they are on. In both cases
one event in a hundred comes with the context of a trace, as from a producer that keeps so many."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import databases, topics
from harness.environment import Environment
from harness.outcome import Outcome
from harness.systems import sensorstream
from harness.workloads import FACTORY, Shape

OFF, ON = "off", "on"
SETTINGS = (OFF, ON)
SHAPE = Shape(traced=100)


@dataclass
class Collector:
    """What takes spans, and looks at none of them."""

    endpoint: str
    requests: int = 0


@contextmanager
def collector() -> Iterator[Collector]:
    """A collector on this machine."""

    class Handler(BaseHTTPRequestHandler):
        """Takes what is posted."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # noqa: N802, the library's name
            """Takes spans."""
            self.rfile.read(int(self.headers["Content-Length"]))
            found.requests += 1
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Collector(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


def run(environment: Environment, setting: str, run: str, events: int) -> Outcome:
    """Runs the job to the topic's end."""
    topic = topics.preload(environment, "factory", events, SHAPE)
    with databases.database(environment, run.replace("-", "_")) as url, collector() as there:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": there.endpoint} if setting == ON else {}
        done = sensorstream.to_the_end(environment, FACTORY, topic, run, url, variables=variables)
        came = there.requests > 0
    differences = [] if came == (setting == ON) else [f"spans came: {came}"]
    return done.outcome(differences)
