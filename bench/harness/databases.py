"""Databases: one for each run."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from harness.environment import Environment


@contextmanager
def database(environment: Environment, name: str) -> Iterator[str]:
    """A new database; its URL. It is removed afterwards."""
    drop(environment, name)
    execute(environment.database_url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield environment.database(name)
    finally:
        drop(environment, name)


def drop(environment: Environment, name: str) -> None:
    """Removes a database, if it is there."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    execute(environment.database_url, statement)


def execute(url: str, statement: sql.Composable | str) -> None:
    """Runs a statement outside of a transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def number(url: str, statement: sql.Composable) -> int:
    """The number that a question is answered with."""
    with psycopg.connect(url) as connection:
        row = connection.execute(statement).fetchone()
    return int(row[0] or 0) if row else 0


def settle(environment: Environment) -> None:
    """Leaves nothing behind that PostgreSQL would do during the next run."""
    execute(environment.database_url, "CHECKPOINT")
