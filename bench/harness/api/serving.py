"""The query API as it is released, and asking it."""

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from harness.api.data import NAMESPACE, READINGS, WINDOWS, Fleet
from harness.api.ledger import READER
from harness.api.server import Server, free_port
from harness.processes import Measured

PATIENCE = 30


@dataclass(frozen=True)
class Answer:
    """What came of a request."""

    status: int
    seconds: float
    rows: int
    link: str | None  # the next page's query


@dataclass(frozen=True)
class Event:
    """One event of a stream."""

    name: str
    id: str
    rows: int


class Api:
    """An API under way."""

    def __init__(self, port: int):
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def get(self, target: str) -> Answer:
        """Asks for a path with its query."""
        begin = time.monotonic()
        self._connection.request("GET", target)
        response = self._connection.getresponse()
        body = response.read()
        seconds = time.monotonic() - begin
        content = json.loads(body)
        rows = len(content) if isinstance(content, list) else 1
        link = re.fullmatch(r'<(.*)>; rel="next"', response.getheader("Link") or "")
        return Answer(response.status, seconds, rows if response.status == 200 else 0, link and link[1])

    def listen(self, seconds: float, key: str | None = None, last: str | None = None) -> list[Event]:
        """Listens to events for a while."""
        target = "/events" if key is None else f"/events?{urlencode({'key': key})}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.connect()
        stream = connection.sock  # which the answer takes from the connection
        connection.request("GET", target, headers={} if last is None else {"Last-Event-ID": last})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"{target} is answered with {response.status}: {response.read().decode()}")
        ended = threading.Timer(seconds, stream.shutdown, [socket.SHUT_RDWR])
        ended.start()
        try:
            return list(events(response))
        finally:
            ended.cancel()
            connection.close()


def events(response: http.client.HTTPResponse) -> Iterator[Event]:
    """The events of a stream until it ends."""
    members: dict[str, str] = {}
    while True:
        try:
            line = response.readline()
        except http.client.IncompleteRead:
            return
        if not line:
            return
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            members[name] = value
        elif "event" in members:
            data = json.loads(members["data"])
            yield Event(members["event"], members["id"], len(data.get("readings", ())))
            members = {}


def config(fleet: Fleet) -> dict:
    """What the operator would hand to the pod."""
    return {
        "pipeline": {"namespace": NAMESPACE, "name": fleet.name},
        # Nobody is there: alerts and dead letters are not in PostgreSQL.
        "kafka": {"bootstrapServers": "127.0.0.1:1", "tls": False},
        "schema": fleet.name,
        "input": {
            "topic": {"name": "sensor_events"},
            "key": "device_id",
            "fields": [
                {"name": "device_id", "type": "string"},
                {"name": "ts", "type": "timestamp"},
                {"name": "temperature_c", "type": "double"},
                {"name": "vibration_g", "type": "double"},
                {"name": "status", "type": "string", "required": False},
                {"name": "site", "type": "string", "required": False},
                {"name": "line", "type": "string", "required": False},
            ],
            "eventTime": {"field": "ts", "maxDelay": "2m"},
        },
        "windows": [
            {
                "name": WINDOWS,
                "tumbling": {"size": "1m"},
                "groupBy": ["device_id"],
                "aggregates": [
                    {"as": "event_count", "count": {}},
                    {"as": "avg_temperature_c", "avg": {"field": "temperature_c"}},
                    {"as": "max_vibration_g", "max": {"field": "vibration_g"}},
                ],
            }
        ],
        "outputs": {"table": {"name": READINGS}, "deadLetter": {"topic": {"name": "sensor_events.dead-letter"}}},
        "limits": {"requestsPerSecond": 100_000},
    }


@contextmanager
def serving(server: Server, fleet: Fleet, processor: Path, folder: Path) -> Iterator[Api]:
    """The API of a pipeline."""
    document = folder / f"api-{fleet.name}.json"
    document.write_text(json.dumps(config(fleet)))
    port = free_port()
    command = [processor, "serve", "--config", document, "--listen", f"127.0.0.1:{port}"]
    variables = {"DATABASE_URL": server.url(READER), "RUST_LOG": "off"}
    process = Measured([*command, "--dashboard", "/nonexistent"], folder / f"api-{fleet.name}.log", variables)
    try:
        deadline = time.monotonic() + PATIENCE
        while not ready(port):
            process.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"the API does not answer:\n{process.tail()}")
            time.sleep(0.1)
        yield Api(port)
    finally:
        process.stop()


def ready(port: int) -> bool:
    """Whether the API answers from its tables."""
    try:
        return Api(port).get("/health").status == 200
    except OSError:
        return False
