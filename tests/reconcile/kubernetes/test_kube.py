"""Requests over a bad network to a real API server: what is tried again, and what is not."""

import json

import pytest

from parts import kube
from parts.cluster import config_map, key_of
from parts.proxy import faults


@pytest.fixture
def bad(plane, proxy, make_cluster):
    """A cluster behind the proxy."""
    one = make_cluster(proxy.kubeconfig(plane))
    one.do("ready")
    return one


@pytest.fixture
def obj(ns, bad):
    made = config_map(ns, "a", x="1")
    bad.track(made)
    return made


@pytest.mark.parametrize("fault, tries", [
    (faults.status(429, {"Retry-After": "1"}), 2),
    (faults.status(429), 3),
    (faults.status(503), 3),
    (faults.status(500, message="etcdserver: leader changed"), 3),
    (faults.drop(), 3),
    (faults.cut(after=20), 3),
])
def test_an_apply_survives(plane, proxy, bad, obj, fault, tries):
    proxy.add(fault, method="PATCH", times=tries - 1)
    assert bad.write_one(obj)["outcome"] in ("created", "configured")
    assert proxy.count("PATCH") == tries
    assert plane.admin.get("v1", "ConfigMap", obj["metadata"]["namespace"], "a")["data"] == {"x": "1"}


def test_an_apply_gives_up_after_five_tries_and_says_what_the_server_said(proxy, bad, obj):
    proxy.add(faults.status(503, reason="ServiceUnavailable", message="the etcd is away"), method="PATCH")
    result = bad.write_one(obj)
    assert result["outcome"] == "failed" and result["kind"] == "retry" and "the etcd is away" in result["error"]
    assert proxy.count("PATCH") == 5


@pytest.mark.parametrize("status, kind", [(403, "denied"), (404, "missing"), (409, "conflict"), (422, "invalid"),
                                          (413, "invalid"), (500, "retry")])
def test_a_refusal_is_not_tried_again(proxy, bad, obj, status, kind):
    proxy.add(faults.status(status, reason="Injected", message="no"), method="PATCH")
    result = bad.write_one(obj)
    assert result["outcome"] == "failed" and result["kind"] == kind and "no" in result["error"]
    assert proxy.count("PATCH") == 1


def test_when_the_server_is_away_the_other_writes_are_not_tried(proxy, bad, ns, obj):
    proxy.add(faults.drop(), method="PATCH")
    results = bad.write(*[config_map(ns, f"c{i}", x="1") for i in range(200)])
    assert {r["outcome"] for r in results} == {"failed"} and {r["kind"] for r in results} == {"retry"}
    assert proxy.count("PATCH") <= 8 * 5 * 2  # each of the first eight: five tries, and curl's own for a dead connection
    proxy.clear()
    assert bad.write_one(obj)["outcome"] == "created"


@pytest.mark.parametrize("fault", [faults.hang(), faults.drop()])
def test_one_request_without_an_answer_does_not_hold_up_the_others(plane, proxy, bad, ns, obj, fault):
    proxy.add(fault, method="PATCH", path="/c7[?]")
    objects = [config_map(ns, f"c{i}", x="1") for i in range(60)]
    answer = bad.do("write", writes=[{"kind": "apply", "object": o} for o in objects])
    outcomes = {r["outcome"] for r in answer["results"][:7] + answer["results"][8:]}
    assert outcomes == {"created"} and answer["results"][7]["kind"] == "retry"
    # What has no answer by its deadline is not sent again; what is cut is, and by curl itself where a kept connection was dead.
    assert proxy.count("PATCH", "/c7[?]") <= (1 if fault.kind == "hang" else 5 * 6)
    assert len(plane.admin.list("v1", "ConfigMap", ns)) >= 59


def test_waiting_as_told_ends_with_the_requests_time(proxy, bad, obj):
    proxy.add(faults.status(429, {"Retry-After": "9"}), method="PATCH")
    result = bad.write_one(obj)
    assert result["outcome"] == "failed" and result["kind"] == "retry"
    assert proxy.count("PATCH") == 2


def test_a_delete_whose_answer_was_lost_is_not_sent_twice(proxy, bad, obj):
    uid = bad.write_one(obj)["uid"]
    proxy.add(faults.lose_answer(), method="DELETE")
    assert bad.delete(obj, uid)["outcome"] == "deleted"
    assert proxy.count("DELETE") == 1
    bad.wait("its end", lambda: bad.live(obj) is None)


def test_a_delete_that_never_arrived_is_sent_again(proxy, bad, obj):
    uid = bad.write_one(obj)["uid"]
    proxy.add(faults.drop(), method="DELETE", times=1)
    assert bad.delete(obj, uid)["outcome"] == "deleted"
    assert proxy.count("DELETE") == 2
    bad.wait("its end", lambda: bad.live(obj) is None)


def test_an_answer_that_is_no_json_is_an_error(proxy, bad):
    proxy.add(faults.garble(), path="^/api/v1/nodes")
    answer = bad.ask("request", path="/api/v1/nodes")
    assert not answer["ok"] and answer["kind"] == "retry" and "not valid JSON" in answer["error"]


def test_a_refused_token_is_read_anew_once(plane, proxy, make_cluster, tmp_path):
    token_file = tmp_path / "token"
    token_file.write_text("wrong")
    one = make_cluster(proxy.kubeconfig(plane, token_file=token_file))
    assert one.ask("ready")["kind"] == "denied"
    assert proxy.count(path="^/version") == 2
    token_file.write_text(plane.token())
    assert one.do("ready")


def test_a_silent_server_costs_one_wait_and_no_further_request(plane, proxy, make_cluster, ns):
    cluster = make_cluster(proxy.kubeconfig(plane))
    objects = [config_map(ns, f"c{number:02}", a="1") for number in range(40)]
    cluster.track(*objects)
    proxy.add(faults.hang())
    proxy.cut_all()
    results = cluster.write(*objects)
    assert {result["outcome"] for result in results} == {"failed"}
    assert proxy.count("PATCH") <= 8, "no more than fly at once"
    sent = proxy.count("PATCH")
    assert {result["outcome"] for result in cluster.write(*objects)} == {"failed"}
    assert proxy.count("PATCH") == sent, "known to be silent: nothing is sent"
    other = [config_map(ns, "other"), {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": ns}}]
    assert not cluster.ask("track", keys=[key_of(one) for one in other])["ok"]
    proxy.clear()
    proxy.cut_all()
    cluster.wait("it is back", lambda: cluster.write_one(objects[0])["outcome"] == "created")


def test_stopping_ends_what_waits_for_a_silent_server(proxy, bad):
    proxy.add(faults.hang(), path="^/api/v1/nodes")
    bad.do("stop_soon")
    answer = bad.ask("request", path="/api/v1/nodes")
    assert not answer["ok"] and answer["kind"] == "stopped"


@pytest.fixture(scope="module")
def own_plane():
    made = kube.ControlPlane().start()
    yield made
    made.stop()


def test_a_server_that_is_down_at_the_start_is_waited_for(own_plane, make_cluster):
    plane = own_plane
    one = make_cluster(plane.kubeconfig())
    plane.stop_apiserver(kill=True)
    answer = one.ask("ready")
    assert not answer["ok"] and answer["kind"] == "retry" and plane.url in answer["error"]
    plane.start_apiserver()
    assert one.do("ready")


def test_a_server_that_hangs_and_comes_back_loses_no_write(own_plane, make_cluster):
    plane = own_plane
    one = make_cluster(plane.kubeconfig())
    obj = config_map("default", "a", x="1")
    one.track(obj)
    plane.pause()
    one.process.stdin.write(json.dumps({"do": "write", "writes": [{"kind": "apply", "object": obj}]}) + "\n")
    one.process.stdin.flush()
    plane.resume()
    assert json.loads(one.process.stdout.readline())["results"][0]["outcome"] == "created"
