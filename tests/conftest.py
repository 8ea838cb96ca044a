"""Fixtures over the parts (tests/parts/): each is started when the first test asks for it, on loopback only."""

import pathlib
import signal
import sys

import pytest
import yaml

TESTS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS))

from parts import agent as agents  # noqa: E402
from parts import kube, kubeseal, postgres, world as worlds  # noqa: E402
from parts.aggregated import AggregatedApi  # noqa: E402
from parts.patroni import Patroni  # noqa: E402

# A shell that runs this in its background has SIGINT ignored, and programs that a test ends by it would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Where each server has rules of its own.
ROOMS_OF_EVERY_MAJOR = {TESTS / "reconcile/roles", TESTS / "reconcile/grants", TESTS / "reconcile/postgres"}


def pytest_configure():
    postgres.sweep()


def pytest_unconfigure():
    postgres.sweep()


def pytest_addoption(parser):
    parser.addoption("--every-major", action="store_true", help="run the tests of users and grants on every PostgreSQL")


def between(mark):
    """A mark that names some majors, with those between its first and its last: what it names is a sample of these."""
    if mark.name != "parametrize" or mark.args[0] not in ("server", "major"):
        return mark
    named = mark.args[1]
    majors = [major for major in postgres.MAJORS if min(named) <= major <= max(named)]
    return pytest.mark.parametrize(mark.args[0], majors, **mark.kwargs).mark


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc):
    definition = metafunc.definition
    if not metafunc.config.getoption("every_major") or definition.path.parent not in ROOMS_OF_EVERY_MAJOR:
        return
    definition.own_markers[:] = [between(mark) for mark in definition.own_markers]
    named = any("server" in mark.args[0] for mark in definition.iter_markers("parametrize"))
    if "server" in metafunc.fixturenames and not named:
        metafunc.parametrize("server", postgres.MAJORS, indirect=True)


@pytest.fixture(scope="session")
def program():
    """The built program; the tests of a part that is not built fail, they are not skipped."""
    if not agents.PROGRAM.exists():
        pytest.fail(f"{agents.PROGRAM} is not built: use tests/run.sh", pytrace=False)
    return agents.PROGRAM


@pytest.fixture
def cli(program):
    """cli("app", "list") -> Result(code, out, err)."""
    return agents.run


@pytest.fixture
def agent(program, tmp_path):
    """An agent with an empty file, to be told and started by the test; stopped and checked afterwards."""
    made = agents.Agent(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        assert made.stop() == 0, made.log()[-4000:]
    made.close()


@pytest.fixture
def make_agent(program, tmp_path):
    """make_agent("name", **config): several agents in one test."""
    made = []

    def make(name, **config):
        made.append(agents.Agent(tmp_path / name, **config))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def plane():
    """The shared control plane: take a namespace of your own."""
    return kube.shared()


@pytest.fixture(scope="session")
def crds(plane):
    """The shared control plane with the kinds that people manage: Application, postgresql, SealedSecret."""
    for file in (*sorted((TESTS.parent / "manifests/crds").glob("*.yaml")), TESTS / "end/data/postgresql-crd.yaml"):
        for document in yaml.safe_load_all(file.read_text()):
            plane.admin.create_crd(document)
    plane.admin.create_crd(kube.simple_crd("bitnami.com", "SealedSecret", "sealedsecrets", version="v1alpha1"))
    return plane


@pytest.fixture
def aggregated(plane, tmp_path):
    """An aggregated API of the shared control plane, not registered yet."""
    folder = tmp_path / "aggregated"
    folder.mkdir()
    made = AggregatedApi(plane, plane.namespace("api"), folder)
    yield made
    made.remove()


@pytest.fixture
def world(agent, crds, tmp_path):
    """Applications as objects of the cluster, and a repository behind them; the agent is not started yet."""
    return worlds.World(agent, crds, tmp_path)


@pytest.fixture
def server(request):
    """A PostgreSQL server, shared by the tests of a process and clean at each: 17, or the major asked for with
    @pytest.mark.parametrize("server", [13, 18], indirect=True)."""
    found = postgres.shared(getattr(request, "param", 17))
    found.clean()
    return found


@pytest.fixture(scope="module")
def patroni(program, plane):
    """Three members of a real Patroni, with the API server as its store."""
    made = Patroni(plane, plane.namespace("pg")).start()
    yield made
    made.close()


@pytest.fixture
def calm(patroni):
    """The cluster, with all members streaming before and after the test."""
    patroni.wait_healthy()
    yield patroni
    patroni.wait_healthy()


@pytest.fixture(scope="module")
def controller(tmp_path_factory):
    """The real Sealed Secrets controller."""
    plane = kube.shared()
    plane.admin.create_crd(kube.simple_crd("bitnami.com", "SealedSecret", "sealedsecrets", version="v1alpha1"))
    made = kubeseal.Controller(plane, tmp_path_factory.mktemp("controller"))
    # Other tests have SealedSecrets in other namespaces.
    yield made.start("--all-namespaces=false", "--rate-limit", "1000", "--rate-limit-burst", "1000")
    made.close()
