import importlib.util

import numpy as np
import pytest
from postgres_server import Server, programs


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL of our own, started for these tests and removed after them."""
    bin = programs()
    if bin is None:
        pytest.skip("PostgreSQL is not installed here (Debian: apt-get install postgresql)")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed: pip install 'rlhf-edu[postgres]'")
    server = Server(bin)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def class_url(server):
    """The address of an empty database in it."""
    import psycopg

    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS class WITH (FORCE)")
        connection.execute("CREATE DATABASE class")
    return server.url.removesuffix("postgres") + "class"
