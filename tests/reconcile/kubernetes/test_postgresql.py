"""A postgresql object on a real API server, with the operator's part played by the test."""

import copy

import pytest


def postgres(ns, name="acid-main", **spec):
    return {"apiVersion": "acid.zalan.do/v1", "kind": "postgresql", "metadata": {"name": name, "namespace": ns},
            "spec": {"teamId": "acid", "numberOfInstances": 2, "volume": {"size": "2Gi"},
                     "postgresql": {"version": "16"}, "users": {"app": ["createdb"]}, **spec}}


@pytest.fixture
def tracked(crds, cluster, ns):
    obj = postgres(ns)
    cluster.track(obj)
    return obj


def operator_says(plane, obj, status):
    meta = obj["metadata"]
    plane.admin.patch("acid.zalan.do/v1", "postgresql", meta["namespace"], meta["name"],
                      {"status": {"PostgresClusterStatus": status}}, manager="postgres-operator", subresource="status")


def test_one_change_is_one_write(plane, cluster, tracked, ns):
    mark = plane.mark()
    assert cluster.write_one(tracked)["outcome"] == "created"
    tracked["spec"]["numberOfInstances"] = 3
    assert cluster.write_one(tracked)["outcome"] == "configured"
    verbs = [e["verb"] for e in plane.requests(mark, resource="postgresqls", namespace=ns) if e["verb"] != "watch"]  # it may begin late
    assert verbs == ["get", "patch", "get", "patch"]
    live = plane.admin.get("acid.zalan.do/v1", "postgresql", ns, "acid-main")
    assert live["metadata"]["generation"] == 2 and "finalizers" not in live["metadata"]


def test_nothing_is_written_while_the_operator_is_at_work(plane, cluster, tracked, ns):
    cluster.write_one(tracked)
    operator_says(plane, tracked, "Creating")
    tracked["spec"]["numberOfInstances"] = 3
    assert cluster.write_one(tracked, kind="dry-run")["outcome"] == "configured"
    result = cluster.write_one(tracked)
    assert result["outcome"] == "failed" and result["kind"] == "retry" and "at work" in result["error"]
    assert plane.admin.get("acid.zalan.do/v1", "postgresql", ns, "acid-main")["spec"]["numberOfInstances"] == 2


def test_health_waits_for_the_operators_report_on_this_spec(plane, cluster, tracked):
    cluster.write_one(tracked)
    assert cluster.live(tracked)["health"] == "Progressing"
    operator_says(plane, tracked, "Creating")
    cluster.wait("creating", lambda: cluster.live(tracked)["message"] == "Creating")
    operator_says(plane, tracked, "Running")
    cluster.wait("running", lambda: cluster.live(tracked)["health"] == "Healthy")
    # A change of labels starts nothing in the operator, and does not make it wait for a report.
    plane.admin.patch("acid.zalan.do/v1", "postgresql", tracked["metadata"]["namespace"], "acid-main",
                      {"metadata": {"labels": {"a": "b"}}})
    cluster.wait("the label", lambda: len(cluster.saw("changed", name="acid-main")) >= 3)
    assert cluster.live(tracked)["health"] == "Healthy"
    operator_says(plane, tracked, "UpdateFailed")
    cluster.wait("failed", lambda: cluster.live(tracked)["health"] == "Degraded")


@pytest.mark.parametrize("change, reason, annotation", [
    ({"volume": {"size": "1Gi"}}, "cannot shrink", "shrink-volume"),
    ({"postgresql": {"version": "15"}}, "goes down from 16 to 15", "lower-version"),
    ({"teamId": "other"}, "teamId changes", "change-team"),
    ({"volume": {"size": "2Gi", "storageClass": "fast"}}, "storageClass changes", "change-storage-class"),
    ({"numberOfInstances": 0}, "goes down to 0", "no-instances"),
    ({"postgresql": {"version": "17"}}, "there is no way back", "upgrade-version"),
    ({"users": {"other": []}}, "spec.users loses app", "remove-user"),
    ({"standby": {"standby_host": "elsewhere"}}, "read-only standby", "become-standby"),
    ({"volume": {"size": "2Gi", "selector": {"matchLabels": {"disk": "fast"}}}}, "existing volumes stay", "change-volume-selector"),
    ({"databases": {"shop": "nobody"}}, "passes over such a database", "foreign-owner"),
])
def test_what_the_operator_would_answer_with_damage_is_refused(plane, cluster, tracked, ns, change, reason, annotation):
    cluster.write_one(tracked)
    before = plane.admin.get("acid.zalan.do/v1", "postgresql", ns, "acid-main")["metadata"]["resourceVersion"]
    changed = copy.deepcopy(tracked)
    changed["spec"].update(change)
    for kind in ("dry-run", "apply"):
        result = cluster.write_one(changed, kind=kind)
        assert result["outcome"] == "failed" and result["kind"] == "invalid"
        assert bool(result.get("differences")) == (kind == "dry-run")
        assert reason in result["error"] and f'pgitops.dev/allow: "{annotation}"' in result["error"]
    assert plane.admin.get("acid.zalan.do/v1", "postgresql", ns, "acid-main")["metadata"]["resourceVersion"] == before
    changed["metadata"]["annotations"] = {"pgitops.dev/allow": f"other, {annotation}"}
    assert cluster.write_one(changed)["outcome"] == "configured"


def test_a_null_user_is_refused_before_it_is_lost(cluster, tracked):
    tracked["spec"]["users"] = {"app": None}
    result = cluster.write_one(tracked)
    assert result["outcome"] == "failed" and "write app: []" in result["error"]


def test_an_unknown_field_is_refused_by_its_name(cluster, tracked):
    tracked["spec"]["numberOfInstance"] = 3
    result = cluster.write_one(tracked)
    assert result["outcome"] == "failed" and result["kind"] == "invalid" and "numberOfInstance" in result["error"]
