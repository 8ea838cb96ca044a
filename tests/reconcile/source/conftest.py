"""source_read() on real Git servers: the fixtures."""

import pytest

from parts import git
from parts.source import DRIVER, Source, config_map


@pytest.fixture(scope="session", autouse=True)
def driver():
    if not DRIVER.exists():
        pytest.fail(f"{DRIVER} is not built: use tests/run.sh", pytrace=False)
    return DRIVER


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit: users/a.yaml."""
    made = git.Repository(tmp_path / "served" / "db.git")
    made.commit({"users/a.yaml": config_map("a"), "README.md": "hello\n"}, "add a")
    return made


@pytest.fixture
def http(repository):
    with git.GitHttpServer(repository.path.parent) as server:
        yield server


@pytest.fixture
def source(tmp_path, repository, http):
    return Source(tmp_path / "cache", http.url("db.git"))


@pytest.fixture
def make_source(tmp_path):
    def make(url, **fields):
        return Source(tmp_path / "cache", url, **fields)

    return make
