"""A PostgreSQL of its own, from Debian's binaries, which tells how it carries out what one role asks."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

BINARIES = Path("/usr/lib/postgresql/15/bin")
# PostgreSQL does not run as root; Debian's package makes this user.
UNPRIVILEGED = "postgres"
ADMIN = "sensorstream"
PATIENCE = 60
# Memory and the log of writes as cluster/manifests/postgres.yaml has them. The settings for filling tables change no
# plan: without replicas a table that is made and filled in one transaction is not in the log of writes.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "maintenance_work_mem": "1GB",
    "max_parallel_maintenance_workers": "0",
    "shared_preload_libraries": "auto_explain",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_filename": "postgres",
    "log_rotation_size": "0",
    "log_rotation_age": "0",
}
# For the roles that are listened to. The others fill tables.
LISTENING = {"auto_explain.log_min_duration": "0"}


@dataclass(frozen=True)
class Server:
    """PostgreSQL while it runs."""

    port: int
    log: Path

    def url(self, role: str = ADMIN) -> str:
        """The URL for a role."""
        return f"postgresql://{role}@127.0.0.1:{self.port}/postgres"

    def execute(self, statements: str) -> None:
        """Runs statements in one transaction."""
        with psycopg.connect(self.url()) as connection:
            connection.execute(statements)

    def alone(self, statement: str) -> None:
        """Runs a statement outside of a transaction."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def listen_to(self, role: str) -> None:
        """Has the plans of a role's statements written to the log."""
        for name, value in LISTENING.items():
            self.execute(f"ALTER ROLE {role} SET {name} = '{value}'")


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A new server in a folder, which is removed with it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    data = folder / "data"
    initdb = ["--username", ADMIN, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
    with (folder / "output").open("wb") as output:
        subprocess.run(
            [BINARIES / "initdb", *initdb, data], check=True, stdout=output, stderr=subprocess.STDOUT, user=user
        )
        port = free_port()
        options = [f"--{name}={value}" for name, value in SETTINGS.items()]
        process = subprocess.Popen(
            [BINARIES / "postgres", "-D", data, "-p", str(port), *options],
            stdout=output,
            stderr=subprocess.STDOUT,
            user=user,
            # A terminal's Ctrl+C is for the harness, which ends the server in its own time.
            start_new_session=True,
        )
    try:
        server = Server(port, data / "log" / "postgres.json")
        wait(server, process, folder / "output")
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # a fast shutdown
        process.wait(PATIENCE)
        shutil.rmtree(folder)


def wait(server: Server, process: subprocess.Popen, output: Path) -> None:
    """Waits until the server answers."""
    deadline = time.monotonic() + PATIENCE
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended:\n{output.read_text(errors='replace')}")
        try:
            return server.execute("SELECT")
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
