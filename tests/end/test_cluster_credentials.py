"""`pgitops cluster credentials` and `cluster events`: what Kubernetes keeps of a cluster, on a real API server, with the rights of whoever asks."""

import base64
import datetime
import json
import signal
import subprocess

import pytest

from parts import agent as agents
from parts.patroni import pretend
from parts.process import wait_for

NAME = "acid-demo"
SECRET = "{}.acid-demo.credentials.postgresql.acid.zalan.do"
PASSWORD = "s3cret/+:pass word"


def login(plane, namespace, user, password=PASSWORD, secret=None, labels=None):
    """A Secret as the operator makes it."""
    plane.admin.create({"apiVersion": "v1", "kind": "Secret", "metadata": {
        "name": secret or SECRET.format(user.replace("_", "-")), "namespace": namespace,
        "labels": {"application": "spilo", "cluster-name": NAME, "team": "acid"} | (labels or {})},
        "data": {"username": base64.b64encode(user.encode()).decode(), "password": base64.b64encode(password.encode()).decode()}})


def event(plane, namespace, name, kind, about, reason, minutes, **more):
    at = datetime.datetime(2026, 1, 2, 3, minutes, tzinfo=datetime.timezone.utc)
    plane.admin.create({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": namespace}, "type": "Normal", "reason": reason,
                        "involvedObject": {"kind": kind, "namespace": namespace, "name": about}, "message": f"{reason} of {about}",
                        "lastTimestamp": at.isoformat().replace("+00:00", "Z"), "source": {"component": "test"}} | more)


@pytest.fixture(scope="module")
def place(program, crds):
    """A namespace with the traces of a cluster: Pods, the operator's object, its Secrets, Events."""
    namespace = crds.namespace("asked")
    pretend(crds, namespace, NAME, members=2)
    crds.admin.create({"apiVersion": "acid.zalan.do/v1", "kind": "postgresql", "metadata": {"name": NAME, "namespace": namespace},
                       "spec": {"teamId": "acid", "numberOfInstances": 2, "volume": {"size": "1Gi"}, "postgresql": {"version": "17"},
                                "users": {"foo_user": []}, "databases": {"foo": "foo_user", "more": "foo_user"},
                                "preparedDatabases": {"shop": {"defaultUsers": True}}}})
    for user in ("postgres", "standby", "foo_user", "shop_owner_user"):
        login(crds, namespace, user)
    login(crds, namespace, "odd260101", secret="rotated")
    login(crds, namespace, "pooler", labels={"application": "db-connection-pooler"})
    crds.admin.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls", "namespace": namespace, "labels": {"cluster-name": NAME}},
                       "data": {"tls.crt": ""}})
    event(crds, namespace, "e1", "Pod", f"{NAME}-0", "Killing", 2, count=3)
    event(crds, namespace, "e2", "postgresql", NAME, "Create", 1, type="Warning", message="line one\nline \x1b[31mtwo")
    event(crds, namespace, "e3", "PersistentVolumeClaim", f"pgdata-{NAME}-1", "Resized", 4)
    event(crds, namespace, "e4", "StatefulSet", NAME, "Rolling", 3)
    event(crds, namespace, "e5", "Pod", f"{NAME}-7", "Gone", 5)
    for number, (kind, about) in enumerate([("Pod", "acid-demo-two-0"), ("Pod", "acid-demo2-0"), ("StatefulSet", "other"), ("ConfigMap", NAME)]):
        event(crds, namespace, f"o{number}", kind, about, "Other", 6)
    return namespace


@pytest.fixture
def ask(plane, place, tmp_path):
    def run(*words, user="admin", namespace=place, **more):
        config = plane.kubeconfig(user, folder=tmp_path)
        return agents.run("cluster", *words, *(["-n", namespace] if namespace else []), "--kubeconfig", config, **more)

    return run


def grant(plane, namespace, user, *rules):
    name = f"{user}-asks"
    plane.admin.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name, "namespace": namespace}, "rules": list(rules)})
    plane.admin.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name, "namespace": namespace},
                       "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
                       "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}]})


def test_who_has_a_login_is_a_table_without_passwords(ask):
    result = ask("credentials", NAME).ok()
    rows = [line.split() for line in result.out.splitlines()]
    assert rows[0] == ["USER", "SECRET", "SINCE", "DATABASE"]
    assert {row[0]: row[3:] for row in rows[1:]} == {"foo_user": ["foo,", "more"], "odd260101": ["-"], "postgres": ["postgres"],
                                                      "shop_owner_user": ["shop"], "standby": ["-"]}
    items = ask("credentials", NAME, "-o", "json").ok().items
    assert items[0]["user"] == "foo_user" and items[0]["secret"] == SECRET.format("foo-user") and items[0]["changed"]
    for text in (result.out, json.dumps(items)):
        assert PASSWORD not in text and base64.b64encode(PASSWORD.encode()).decode() not in text


def test_one_login_is_told_with_its_password_and_how_it_connects(ask, place):
    out = ask("credentials", NAME, "foo_user").ok().out
    fields = dict(line.split(None, 1) for line in out.splitlines())
    host = f"{NAME}.{place}.svc"
    assert fields | {"Since": ""} == {"User": "foo_user", "Password": PASSWORD, "Host": host, "Port": "5432", "Database": "foo, more",
                                      "URI": f"postgresql://foo_user@{host}:5432/foo?sslmode=require", "Secret": SECRET.format("foo-user"), "Since": ""}
    found = ask("credentials", f"{place}/{NAME}", "foo_user", "-o", "json", namespace=None).ok().json
    assert (found["password"], found["host"], found["port"], found["cluster"], found["namespace"]) == (PASSWORD, host, 5432, NAME, place)
    assert ask("credentials", NAME, "foo_user", "--password").ok().out == PASSWORD + "\n"
    assert ask("credentials", NAME, "odd260101", "--password").ok().out == PASSWORD + "\n"  # its Secret is called otherwise
    missing = ask("credentials", NAME, "nobody").is_(1)
    assert f"{place}/{NAME} has no login nobody" in missing.err and PASSWORD not in missing.err
    assert "USER is missing" in ask("credentials", NAME, "--password").is_(2).err


def test_rights_that_are_missing_are_named(ask, plane, place):
    refused = ask("credentials", NAME, user="bob").is_(2)
    assert f"the verb list on secrets in the namespace {place} is needed" in refused.err
    assert f"the verb get on secrets in the namespace {place} is needed" in ask("credentials", NAME, "postgres", user="bob").is_(2).err
    grant(plane, place, "alice", {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": [SECRET.format("postgres")]})
    wait_for("alice may", lambda: ask("credentials", NAME, "postgres", "--password", user="alice").code == 0)
    assert "the verb list on secrets" in ask("credentials", NAME, user="alice").is_(2).err


@pytest.fixture(scope="module")
def apart(program, crds):
    """A cluster whose operator keeps Secrets in other namespaces, too (enable_cross_namespace_secret); (its namespace, the other one)."""
    own, other = crds.namespace("own"), crds.namespace("other")
    crds.admin.create({"apiVersion": "acid.zalan.do/v1", "kind": "postgresql", "metadata": {"name": NAME, "namespace": own},
                       "spec": {"teamId": "acid", "numberOfInstances": 1, "volume": {"size": "1Gi"}, "postgresql": {"version": "17"},
                                "users": {f"{other}.app_user": [], "plain.dotted": []}, "databases": {"app": f"{other}.app_user"},
                                "preparedDatabases": {"shop": {"defaultUsers": True, "secretNamespace": other}}}})
    for namespace, user in ((own, "postgres"), (own, "plain.dotted"), (other, f"{other}.app_user"), (other, "shop_owner_user")):
        login(crds, namespace, user)
    login(crds, other, f"{other}.app_user260101", secret="rotated-elsewhere")
    login(crds, other, "stranger")  # of a cluster of the same name there
    return own, other


def test_a_login_of_another_namespace_is_listed_and_found_there(ask, apart):
    own, other = apart
    secret = SECRET.format(f"{other}.app-user")
    rows = {line.split()[0]: line.split() for line in ask("credentials", NAME, namespace=own).ok().out.splitlines()}
    assert rows[f"{other}.app_user"][1] == f"{other}/{secret}" and rows[f"{other}.app_user"][3] == "app"
    assert rows["shop_owner_user"][1] == f"{other}/{SECRET.format('shop-owner-user')}" and rows["plain.dotted"][1] == SECRET.format("plain.dotted")
    assert rows.keys() == {"USER", "postgres", "plain.dotted", f"{other}.app_user", f"{other}.app_user260101", "shop_owner_user"}
    items = {item["user"]: item for item in ask("credentials", NAME, "-o", "json", namespace=own).ok().items}
    assert (items[f"{other}.app_user"]["secretNamespace"], items[f"{other}.app_user"]["secret"]) == (other, secret)
    assert items["postgres"]["secretNamespace"] == own

    out = ask("credentials", NAME, f"{other}.app_user", namespace=own).ok().out
    fields = dict(line.split(None, 1) for line in out.splitlines())
    assert (fields["Password"], fields["Secret"], fields["Database"]) == (PASSWORD, f"{other}/{secret}", "app")
    assert fields["Host"] == f"{NAME}.{own}.svc" and fields["URI"].startswith(f"postgresql://{other}.app_user@{NAME}.{own}.svc:5432/app")
    for user in ("plain.dotted", "shop_owner_user", f"{other}.app_user260101"):
        assert ask("credentials", NAME, user, "--password", namespace=own).ok().out == PASSWORD + "\n"
    assert "has no login stranger" in ask("credentials", NAME, "stranger", namespace=own).is_(1).err


def test_rights_that_are_missing_in_another_namespace_are_named(ask, plane, apart):
    own, other = apart
    grant(plane, own, "alice", {"apiGroups": ["", "acid.zalan.do"], "resources": ["secrets", "postgresqls"], "verbs": ["get", "list"]})
    wait_for("alice may", lambda: ask("credentials", NAME, "postgres", "--password", user="alice", namespace=own).code == 0)
    listed = ask("credentials", NAME, user="alice", namespace=own).ok()
    rows = {line.split()[0]: line.split()[1:] for line in listed.out.splitlines()}
    assert rows[f"{other}.app_user"] == [f"{other}/{SECRET.format(f'{other}.app-user')}", "-", "app"]
    assert f"the verb list on secrets in the namespace {other} is needed" in listed.err
    refused = ask("credentials", NAME, f"{other}.app_user", user="alice", namespace=own).is_(2)
    assert f"the verb get on secrets in the namespace {other} is needed" in refused.err
    # Whoever has a right to that one Secret alone needs none where the cluster is.
    grant(plane, other, "bob", {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": [SECRET.format(f"{other}.app-user")]})
    wait_for("bob may", lambda: ask("credentials", f"{own}/{NAME}", f"{other}.app_user", "--password", user="bob", namespace=None).out == PASSWORD + "\n")
    grant(plane, own, "bob", {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]})
    wait_for("bob may list", lambda: ask("credentials", NAME, user="bob", namespace=own).code == 0)
    assert f"the verb get on postgresqls in the namespace {own} is needed" in ask("credentials", NAME, user="bob", namespace=own).ok().err


def test_a_password_is_in_no_argument_environment_or_audit(ask, plane):
    mark = plane.mark()
    ask("credentials", NAME, "postgres").ok()
    for request in plane.requests(mark, agent="pgitops"):
        assert request["verb"] in ("get", "list") and PASSWORD not in json.dumps(request)


def test_events_of_its_objects_are_one_table_by_time(ask):
    result = ask("events", NAME).ok()
    header, *rows = result.out.splitlines()
    assert header.split() == ["LAST", "TYPE", "REASON", "OBJECT", "COUNT", "MESSAGE"]
    assert [row.split()[2] for row in rows] == ["Create", "Killing", "Rolling", "Resized", "Gone"]
    assert rows[0].split()[1] == "Warning" and rows[0].endswith("line one") and rows[1].split()[4] == "3"
    assert "\\x1b[31mtwo" in ask("events", NAME, "-o", "wide").ok().out
    item = ask("events", NAME, "-o", "json").ok().items[3]
    assert item["object"] == {"kind": "PersistentVolumeClaim", "namespace": item["object"]["namespace"], "name": f"pgdata-{NAME}-1"}
    assert (item["time"], item["count"], item["source"], item["type"]) == ("2026-01-02T03:04:00.000Z", 1, "test", "Normal")


def test_events_are_watched(plane, place, tmp_path):
    config = plane.kubeconfig(folder=tmp_path)
    with subprocess.Popen([agents.PROGRAM, "cluster", "events", NAME, "-n", place, "-w", "--kubeconfig", config], stdout=subprocess.PIPE, text=True) as watching:
        shown = [watching.stdout.readline() for _ in range(5)]
        assert "Gone of acid-demo-7" in shown[4]
        event(plane, place, "w0", "Pod", "other-0", "Other", 9)
        event(plane, place, "w1", "Pod", f"{NAME}-1", "Started", 9, count=2)
        assert watching.stdout.readline().split(None, 2)[2].split() == ["Normal", "Started", f"Pod/{NAME}-1", "Started", "of", f"{NAME}-1", "(x2)"]
        plane.admin.patch("v1", "Event", place, "w1", {"count": 3})
        assert "(x3)" in watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == -signal.SIGINT
