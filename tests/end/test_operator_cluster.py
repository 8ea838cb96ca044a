"""A database that the agent file names as a `postgresql` object: address and password are those of the operator's objects, at each pass."""

import threading

import pytest

from parts import postgres
from parts.agent import wait_for
from parts.git import Repository
from parts.process import own_address
from parts.proxy import FaultProxy, faults

NAME = "acid-main"
SECRET = f"postgres.{NAME}.credentials.postgresql.acid.zalan.do"


def users_yaml(namespace, *names):
    users = "".join(f"      - {{username: {name}, database: postgres}}\n" for name in names)
    return {"users/users.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: postgres-users-config, namespace: {namespace}}}\n"
                                f"data:\n  users.yaml: |\n    users:\n{users}"}


class Operator:
    """What the operator and Patroni write of one cluster."""

    def __init__(self, plane):
        self.kube, self.namespace = plane.admin, plane.namespace()

    def make(self, api_version, kind, name, **fields):
        self.kube.create({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": self.namespace}} | fields)

    def cluster(self):
        self.make("acid.zalan.do/v1", "postgresql", NAME, spec={"teamId": "acid", "numberOfInstances": 1, "volume": {"size": "1Gi"},
                                                                "postgresql": {"version": "17"}})

    def leader(self, server):
        self.make("v1", "Endpoints", NAME, subsets=[{"addresses": [{"ip": own_address()}], "ports": [{"name": "postgresql", "port": server.port}]}])

    def credentials(self, password):
        self.make("v1", "Secret", SECRET, stringData={"username": "postgres", "password": password})

    def take_away(self, api_version, kind, name):
        self.kube.delete(api_version, kind, self.namespace, name)


@pytest.fixture
def setting(agent, crds, tmp_path):
    operator = Operator(crds)
    repository = Repository(tmp_path / "db.git")
    repository.commit(users_yaml(operator.namespace, "alice"))
    agent.kubernetes(crds)
    agent.application("postgres-users", repository.url, "users", operator.namespace)
    agent.config["databases"] = [{"name": "main", "postgresql": f"{operator.namespace}/{NAME}", "users": {"application": "postgres-users"}}]
    for name in ("alice", "bob", "carol"):
        agent.secret(operator.namespace, f"user-{name}-secret", f"geheim-{name}")
    made = []

    def server(major):
        (tmp_path / f"tls-{len(made)}").mkdir()
        made.append(postgres.spilo(major, tmp_path / f"tls-{len(made)}"))
        return made[-1]

    yield agent, operator, repository, server
    agent.stop()
    for one in made:
        one.close()


def database(agent):
    items = agent.get("/api/v1/databases").json["items"]
    return items[0] if items else {}


def waits(agent, text):
    def there():
        agent.alive()
        found = database(agent)
        return found.get("status") == "Waiting" and text in found.get("reason", "")
    try:
        wait_for(text, there, 60, 0.05)
    except TimeoutError as error:
        raise AssertionError(f"{error}: {database(agent)}\n{agent.log()[-3000:]}") from None


def logs_in(agent, server, name):
    try:
        wait_for(f"{name} logs in", lambda: agent.alive() and server.can_login(name, f"geheim-{name}"), 60, 0.1)
    except TimeoutError as error:
        raise AssertionError(f"{error}: {database(agent)}\n{agent.log()[-3000:]}") from None


@pytest.mark.parametrize("major", [13, 18])
def test_a_cluster_is_followed_from_before_it_is_there_until_after_it_is_made_anew(setting, major):
    agent, operator, repository, server = setting
    agent.begin()
    waits(agent, f"postgresql {operator.namespace}/{NAME} is not in the cluster")
    operator.cluster()
    waits(agent, "has no leader yet")
    first = server(major)
    operator.leader(first)
    waits(agent, f"Secret {operator.namespace}/{SECRET}: neither in the cluster nor in")
    operator.credentials(first.password)
    logs_in(agent, first, "alice")
    wait_for("Connected", lambda: database(agent).get("status") == "Connected", 60, 0.05)
    assert first.value("SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity USING (pid) WHERE NOT s.ssl AND application_name LIKE 'pgitops%'") == 0

    # The superuser's password is rotated.
    first.run("ALTER ROLE postgres PASSWORD 'rotated'")
    first.password = "rotated"
    operator.take_away("v1", "Secret", SECRET)
    operator.credentials("rotated")
    repository.commit(users_yaml(operator.namespace, "alice", "bob"))
    logs_in(agent, first, "bob")

    # No leader, and then another one: a cluster that was deleted and made anew.
    operator.kube.patch("v1", "Endpoints", operator.namespace, NAME, {"subsets": None})
    waits(agent, "has no leader at the moment")
    for kind in (("v1", "Endpoints", NAME), ("v1", "Secret", SECRET), ("acid.zalan.do/v1", "postgresql", NAME)):
        operator.take_away(*kind)
    waits(agent, "is not in the cluster")
    second = server(major)
    operator.cluster()
    operator.leader(second)
    operator.credentials(second.password)
    repository.commit(users_yaml(operator.namespace, "alice", "bob", "carol"))
    logs_in(agent, second, "carol")
    assert second.can_login("alice", "geheim-alice") and first.password not in agent.log() and second.password not in agent.log()


def test_a_leader_that_is_another_one_before_commit_gets_nothing(setting, crds, tmp_path):
    """Between BEGIN and COMMIT the Endpoints are read again: one request for each transaction that changes something."""
    agent, operator, repository, server = setting
    proxy, moment = FaultProxy(crds.port), threading.Event()
    agent.config["kubernetes"]["kubeconfig"] = str(proxy.kubeconfig(crds))
    first, second, path = server(17), server(17), f"/namespaces/{operator.namespace}/endpoints/{NAME}$"
    second.run(f"ALTER ROLE postgres PASSWORD '{first.password}'")
    second.password = first.password
    operator.cluster()
    operator.leader(first)
    operator.credentials(first.password)
    held = proxy.add(faults.wait(moment), method="GET", path=path, times=1, skip=1)
    try:
        agent.begin()
        wait_for("it asks before COMMIT", lambda: agent.alive() and held.hits)
        assert first.value("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'") == 1
        operator.kube.patch("v1", "Endpoints", operator.namespace, NAME, {"subsets": [
            {"addresses": [{"ip": own_address()}], "ports": [{"name": "postgresql", "port": second.port}]}]})
        moment.set()
        logs_in(agent, second, "alice")
        assert first.value("SELECT count(*) FROM pg_roles WHERE rolname = 'alice'") == 0
        assert "is not the leader that it was when the pass began, so what was not committed is rolled back" in agent.log()
        wait_for("Connected", lambda: database(agent).get("status") == "Connected", 60, 0.05)

        # The pass that begins asks once, and each transaction that changes something once.
        def passes():
            return agent.metrics().get("pgitops_user_passes_total", 0)

        asked, passed, before = proxy.count("GET", path), passes(), second.value("SELECT txid_current()")
        repository.commit(users_yaml(operator.namespace, "alice", "bob"))
        agent.wait_user("bob")
        agent.cli("user", "sync").ok()
        written = second.value("SELECT txid_current()") - before - 1
        assert written
        wait_for("no more requests", lambda: proxy.count("GET", path) - asked == written + passes() - passed)
    finally:
        moment.set()
        agent.stop()
        proxy.close()


def test_of_two_that_are_labelled_as_master_the_one_of_the_leaders_config_map_is_the_primary(setting, crds, tmp_path):
    """Patroni with `use_endpoints: false`: Endpoints are Kubernetes' and have every ready Pod with the label, an old primary, too."""
    agent, operator, _, server = setting
    proxy, moment = FaultProxy(crds.port), threading.Event()
    agent.config["kubernetes"]["kubeconfig"] = str(proxy.kubeconfig(crds))
    servers = [server(17), server(17)]
    servers[1].run(f"ALTER ROLE postgres PASSWORD '{servers[0].password}'")
    servers[1].password = servers[0].password
    operator.cluster()
    operator.credentials(servers[0].password)
    operator.make("v1", "Endpoints", NAME, subsets=[
        {"addresses": [{"ip": own_address(), "targetRef": {"kind": "Pod", "name": f"{NAME}-{index}"}}],
         "ports": [{"name": "postgresql", "port": one.port}]} for index, one in enumerate(servers)])
    record = f"{NAME}-leader"
    held = proxy.add(faults.wait(moment), method="GET", path=f"/configmaps/{record}$", times=1, skip=1)
    operator.make("v1", "ConfigMap", record)
    operator.kube.patch("v1", "ConfigMap", operator.namespace, record, {"metadata": {"annotations": {"leader": f"{NAME}-1"}}})
    try:
        agent.begin()
        wait_for("it asks before COMMIT", lambda: agent.alive() and held.hits)
        assert servers[1].value("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'") == 1
        operator.kube.patch("v1", "ConfigMap", operator.namespace, record, {"metadata": {"annotations": {"leader": f"{NAME}-0"}}})
        moment.set()
        logs_in(agent, servers[0], "alice")
        assert servers[1].value("SELECT count(*) FROM pg_roles WHERE rolname = 'alice'") == 0
        assert f"is not the leader that it was when the pass began, so what was not committed is rolled back: {NAME}-0" in agent.log()
        operator.kube.patch("v1", "ConfigMap", operator.namespace, record, {"metadata": {"annotations": {"leader": f"{NAME}-2"}}})
        agent.cli("user", "sync")
        waits(agent, f"ConfigMap {record} says that {NAME}-2 leads, and Endpoints {NAME} have no ready address of it")
        operator.take_away("v1", "ConfigMap", record)
        agent.cli("user", "sync")
        waits(agent, f"Endpoints {NAME} have 2 addresses, and nobody says which is the leader's: there is no ConfigMap {record}")
    finally:
        moment.set()
        agent.stop()
        proxy.close()


def test_doctor_says_how_it_is_reached_and_what_is_missing(setting):
    agent, operator, _, server = setting
    result = agent.cli("doctor")
    assert f"postgresql {operator.namespace}/{NAME} is not in the cluster" in result.out + result.err, result
    operator.cluster()
    made = server(16)
    operator.leader(made)
    operator.credentials(made.password)
    result = agent.cli("doctor")
    told = result.out + result.err
    assert "main: PostgreSQL 16" in told and "SCRAM alone" in told, result
    agent.config["databases"][0]["authentication"] = "any"
    agent.write()
    result = agent.cli("doctor")
    assert "take `authentication: any` away" in result.out + result.err and result.code == 1


def test_a_server_without_tls_is_told_no_password(setting):
    agent, operator, _, server = setting
    made = server(16)
    made.restart({"ssl": "off"})
    operator.cluster()
    operator.leader(made)
    operator.credentials(made.password)
    agent.begin()
    wait_for("it is refused", lambda: "SSL" in database(agent).get("reason", ""), 60, 0.05)
    assert not made.value("SELECT count(*) FROM pg_roles WHERE rolname = 'alice'") and made.password not in agent.log()


@pytest.mark.parametrize("major", [13, 16, 18])
def test_who_stands_in_the_object_is_the_operators_whatever_the_database_says(setting, major):
    """Nothing is made of them before the operator is there, nor removed when it has taken one over from Git."""
    agent, operator, repository, server = setting
    operator.cluster()
    patched = {"spec": {"users": {"app_owner": ["createdb"]}, "databases": {"app": "app_owner"}, "preparedDatabases": {
        "shop": {"defaultUsers": True, "schemas": {"audit": {"defaultUsers": True}, "bare": {"defaultRoles": False}}}}}}
    operator.kube.patch("acid.zalan.do/v1", "postgresql", operator.namespace, NAME, patched)
    made = server(major)
    operator.leader(made)
    operator.credentials(made.password)
    theirs = ["app_owner", "shop_reader", "shop_owner_user", "shop_audit_writer_user"]
    mine = ["alice", "shop_bare_owner", "shop_data_owner"]
    for name in theirs + mine[1:]:
        agent.secret(operator.namespace, f"user-{name.replace('_', '-')}-secret", "x")
    repository.commit(users_yaml(operator.namespace, *theirs, *mine))
    agent.start(ready=False)
    logs_in(agent, made, "alice")
    for name in theirs:
        reason = agent.wait_user(name, "Refused")["reason"]
        assert f"of postgresql {operator.namespace}/{NAME}" in reason and "belongs to the postgres-operator: it stands under spec." in reason
    roles = {row[0] for row in made.query("SELECT rolname FROM pg_roles")}
    assert not roles & set(theirs) and roles >= set(mine)
    # A role of theirs is no group of ours, and is waited for where a user is to be a member of it.
    text = users_yaml(operator.namespace, "alice")["users/users.yaml"].replace("    users:\n", "    version: 2\n    groups: [{name: shop_writer}]\n    users:\n")
    repository.commit({"users/users.yaml": text.replace("username: alice,", "username: alice, roles: [shop_reader],")})
    assert "the postgres-operator makes it" in agent.wait_user("alice", "Degraded")["reason"]
    assert "belongs to the postgres-operator" in agent.wait_user("shop_writer", "Refused")["reason"]
    assert not made.query("SELECT 1 FROM pg_roles WHERE rolname IN ('shop_reader', 'shop_writer')")
    repository.commit(users_yaml(operator.namespace, *mine))
    # Whoever moves from users.yaml into the object is left to the operator, while listed and after it.
    operator.kube.patch("acid.zalan.do/v1", "postgresql", operator.namespace, NAME, {"spec": {"users": {"alice": []}}})
    agent.wait_user("alice", "Refused")
    repository.commit(users_yaml(operator.namespace, *mine[1:]))
    wait_for("it is told", lambda: "looks after it by now" in agent.user("alice").get("reason", ""))
    assert made.can_login("alice", "geheim-alice")
