"""Kinds of which others keep a part, and kinds with rules of their own: no eternal drift, and no fight (argocd.md 2.13)."""

import uuid

import pytest

from parts import kube
from parts.cluster import key_of

RBAC = "rbac.authorization.k8s.io/v1"
GROUP = "diff.example.org"


def unchanged(cluster, obj):
    dry = cluster.write_one(obj, kind="dry-run")
    assert dry["outcome"] == "unchanged", dry


@pytest.fixture
def name():
    return f"t{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("rules", ([], None, [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}], "absent"))
def test_the_rules_of_an_aggregated_role_are_the_controllers(plane, cluster, name, rules):
    part = {"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": f"{name}-part", "labels": {name: "true"}},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
    whole = {"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": name},
             "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {name: "true"}}]}, "rules": rules}
    if rules == "absent":
        del whole["rules"]
    cluster.track(key_of(whole))
    plane.admin.create(part)
    assert cluster.write_one(whole)["outcome"] == "created"

    def gathered():
        return plane.admin.get(RBAC, "ClusterRole", None, name).get("rules") == part["rules"]

    kube.wait_for("the controller gathers the rules", gathered)
    unchanged(cluster, whole)
    cluster.write_one(whole)
    assert gathered()


def crd(plural, schema):
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{GROUP}", "creationTimestamp": None, "annotations": {"a": "b"}},
            "spec": {"group": GROUP, "scope": "Namespaced", "preserveUnknownFields": False,
                     "names": {"plural": plural, "kind": plural.title()},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema},
                                   "subresources": {"status": {}}}]},
            "status": {"acceptedNames": {"kind": "", "plural": ""}, "conditions": [], "storedVersions": []}}


SCHEMA = {"type": "object", "properties": {"spec": {"type": "object", "properties": {
    "size": {"type": "string", "default": "1Gi"},
    "cpu": {"x-kubernetes-int-or-string": True},
    "parts": {"type": "array", "items": {"type": "object", "properties": {
        "name": {"type": "string"}, "weight": {"type": "integer", "default": 1}}}},
    "options": {"type": "object", "default": {}, "properties": {"mode": {"type": "string", "default": "fast"}}}}},
    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}


def test_a_kinds_own_definition_is_no_drift(cluster, name):
    obj = crd(name, SCHEMA)
    cluster.track(key_of(obj))
    cluster.write_one(obj)
    unchanged(cluster, obj)
    cluster.wait_kind(GROUP, name.title())
    unchanged(cluster, obj)


@pytest.mark.parametrize("spec", ({}, {"parts": [{"name": "a"}, {"name": "b", "weight": 2}]}, {"size": "1024Mi", "cpu": "1000m"},
                                  {"cpu": 1, "options": {}}, {"parts": [], "size": None}))
def test_defaults_of_a_custom_kind_are_no_drift(plane, cluster, ns, name, spec):
    plane.admin.create_crd(crd(name, SCHEMA))
    cluster.do("refresh")
    obj = {"apiVersion": f"{GROUP}/v1", "kind": name.title(), "metadata": {"name": "a", "namespace": ns}, "spec": spec,
           "status": {"phase": "from Git"}}
    cluster.track(key_of(obj))
    assert cluster.write_one(obj)["outcome"] == "created"
    unchanged(cluster, obj)
    plane.admin.patch(f"{GROUP}/v1", name.title(), ns, "a", {"status": {"phase": "Running"}}, subresource="status")
    assert plane.admin.get(f"{GROUP}/v1", name.title(), ns, "a")["status"] == {"phase": "Running"}
    unchanged(cluster, obj)


def test_a_repeated_key_in_a_list_is_refused_by_its_name(cluster, ns):
    obj = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": ns},
           "spec": {"selector": {"matchLabels": {"a": "a"}}, "template": {"metadata": {"labels": {"a": "a"}}, "spec": {
               "containers": [{"name": "web", "image": "example.org/web",
                               "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}]}}}}
    cluster.track(key_of(obj))
    result = cluster.write_one(obj, kind="dry-run")
    assert result["outcome"] == "failed" and 'name="A"' in result["error"].replace("\\", ""), result
