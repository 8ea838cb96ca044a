"""How full the volumes are, in `pgitops cluster get`: by the kubelet's statistics, through a real API server."""

import re

import pytest

from parts import agent as agents
from parts import kubelet
from parts.patroni import pretend
from parts.process import own_address

NAME, NODE, GIB = "acid-full", "full-node", 1 << 30


@pytest.fixture(scope="module")
def place(program, plane):
    namespace, node = plane.namespace("volumes"), kubelet.Node(plane, NODE, own_address()).start()
    pretend(plane, namespace, NAME, members=2)
    for index, used in enumerate((3 * GIB, GIB)):
        node.pod(namespace, f"{NAME}-{index}", log="/dev/null",
                 volumes={f"{claim}-{NAME}-{index}": (used, 4 * GIB) for claim in ("wal", "pgdata")})
    # Of another cluster on the same node, and of a Pod of the same name elsewhere, nothing is shown.
    node.pod(namespace, "acid-other-0", log="/dev/null", volumes={"pgdata-acid-other-0": (1, 2)})
    node.pod("elsewhere", f"{NAME}-0", log="/dev/null", volumes={f"pgdata-{NAME}-0": (1, 2)})
    yield namespace
    node.close()
    plane.admin.delete("v1", "Node", None, NODE)


def ask(plane, namespace, folder, *words, user="admin"):
    config = plane.kubeconfig(user, folder=folder)
    return agents.run("cluster", "get", NAME, "-n", namespace, "--kubeconfig", config, "--no-ask", *words)


def test_the_kubelet_says_how_full_each_members_volume_is(plane, place, tmp_path):
    mark = plane.mark()
    document = ask(plane, place, tmp_path, "-o", "json").ok().json
    assert "volumesError" not in document, document["volumesError"]
    volumes = document["volumes"]
    # A kubelet says its Pods and their volumes in no order: here they have one.
    assert volumes == [{"member": f"{NAME}-{index}", "claim": f"{claim}-{NAME}-{index}", "usedBytes": used, "capacityBytes": 4 * GIB,
                        "availableBytes": 4 * GIB - used, "source": "kubelet"}
                       for index, used in ((0, 3 * GIB), (1, GIB)) for claim in ("pgdata", "wal")]
    asked = [r["requestURI"] for r in plane.requests(mark) if "/proxy/" in r["requestURI"]]
    assert asked == [f"/api/v1/nodes/{NODE}/proxy/stats/summary"]  # once for the two on it
    told = ask(plane, place, tmp_path).ok().out
    assert re.search(rf"\nVolumes\nMEMBER .*\n{NAME}-0 +pgdata-{NAME}-0 +3.0 GiB \(75%\) +4.0 GiB +1.0 GiB +kubelet", told)


def test_who_may_not_ask_the_kubelet_is_told_the_right_and_sees_all_else(plane, place, tmp_path):
    plane.allow("carol", [{"apiGroups": [""], "resources": ["pods", "endpoints", "configmaps", "events"], "verbs": ["list"]}], place)
    result = ask(plane, place, tmp_path, user="carol").ok()
    assert "Volumes" not in result.out and f"{NAME}-1" in result.out
    lines = [line for line in result.err.splitlines() if "how full the volumes are is not known" in line]
    assert len(lines) == 1 and "nodes/proxy" in lines[0] and "the verb get on nodes/proxy is needed" in lines[0]
    document = ask(plane, place, tmp_path, "-o", "json", user="carol").ok().json
    assert "volumes" not in document and "nodes/proxy" in document["volumesError"]
