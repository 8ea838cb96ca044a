import pytest

from parts import cluster as clusters
from parts import proxy as proxies


@pytest.fixture
def make_cluster():
    """make_cluster(kubeconfig) -> Cluster; all are closed, and must end well, at the end."""
    made = []

    def make(kubeconfig, **more):
        made.append(clusters.Cluster(kubeconfig, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def ns(plane):
    return plane.namespace("kube")


@pytest.fixture
def cluster(plane, make_cluster):
    """A cluster of the shared control plane, as admin."""
    return make_cluster(plane.kubeconfig())


@pytest.fixture
def proxy(plane, tmp_path):
    made = proxies.FaultProxy(plane.port, tmp_path)
    yield made
    made.close()
