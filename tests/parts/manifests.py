"""Manifests as a small team writes them, short enough to stand in a test.

    repository.commit({"app/a.yaml": config_map("a", value="one"), "users/users.yaml": users(alice=["writers"])})
"""

import json


def config_map(name, namespace=None, **data):
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data or {"value": "one"}}
    if namespace:
        document["metadata"]["namespace"] = namespace
    return json.dumps(document, indent=1) + "\n"  # JSON is YAML


def secret(name, **texts):
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": texts}, indent=1) + "\n"


def users_text(*texts, **members):
    """users.yaml: user=[roles], and entries as they would be written."""
    lines = [f"  - username: {name}\n    database: app\n    roles: {json.dumps(roles)}\n" for name, roles in members.items()]
    return "users:\n" + "".join(lines) + "".join(f"  - {text}\n" for text in texts) if lines or texts else "users: []\n"


def users(*texts, **members):
    """The ConfigMap around it, with a block scalar as people have it."""
    return users_map(users_text(*texts, **members))


def users_map(text):
    block = "".join(f"    {line}\n" for line in text.splitlines())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: postgres-users-config\ndata:\n  users.yaml: |\n{block}"


def postgresql(name, instances=2, extra=""):
    return (f"apiVersion: acid.zalan.do/v1\nkind: postgresql\nmetadata:\n  name: {name}\nspec:\n  teamId: acid\n"
            f"  numberOfInstances: {instances}\n  volume:\n    size: 1Gi\n  postgresql:\n    version: \"17\"\n{extra}")
