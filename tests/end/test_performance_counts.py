"""What work costs, counted where it arrives: requests in the API server's audit log, statements and writes in PostgreSQL."""

from parts.agent import wait_for
from parts.git import Repository
from parts.manifests import config_map, users

OBJECTS = 200


def writes(events):
    return [event for event in events if event["verb"] in ("create", "update", "patch", "delete")]


def test_n_objects_are_n_applies_and_then_no_question_about_any(agent, crds, tmp_path):
    namespace = crds.namespace()
    repository = Repository(tmp_path / "db.git")
    head = repository.commit({f"app/m{number}.yaml": config_map(f"m{number}") for number in range(OBJECTS)})
    agent.kubernetes(crds)
    agent.application("many", repository.url, "app", namespace)
    mark = crds.mark()
    agent.start()
    agent.wait_app("many", "Synced", head)
    first = crds.requests(mark, namespace=namespace)
    applied = writes(first)
    assert len(applied) == OBJECTS and not [event for event in applied if "dryRun" in event["requestURI"]]
    assert [event for event in first if event["verb"] == "get" and event["objectRef"].get("name", "").startswith("m")] == []

    def passes():
        return agent.metrics()["pgitops_passes_total"]
    wait_for("what the watch still says has been heard", lambda: agent.app("many")["status"]["health"]["status"] == "Healthy")
    mark, before = crds.mark(), passes()
    for _ in range(3):
        agent.post("/api/v1/applications/many/refresh", {}, over="socket")
        wait_for("another pass", lambda: passes() > before)
        before = passes()
    assert [event for event in crds.requests(mark, namespace=namespace) if event["verb"] not in ("list", "watch")] == []

    mark = crds.mark()
    head = repository.commit({"app/m7.yaml": config_map("m7", value="two")})
    agent.wait_app("many", "Synced", head)
    assert len(writes(crds.requests(mark, namespace=namespace))) == 2  # the question, and the apply

    # A restart knows from the store what is as it should be.
    mark = crds.mark()
    assert agent.stop() == 0
    agent.start()
    agent.wait_app("many", "Synced", head)
    assert writes(crds.requests(mark, namespace=namespace)) == []


def test_drift_that_nobody_heals_is_asked_about_once(agent, crds, tmp_path):
    namespace = crds.namespace()
    repository = Repository(tmp_path / "db.git")
    repository.commit({f"app/m{number}.yaml": config_map(f"m{number}") for number in range(20)})
    agent.kubernetes(crds)
    agent.application("watched", repository.url, "app", namespace,
                      syncPolicy={"automated": {"prune": True, "selfHeal": False}, "syncOptions": ["CreateNamespace=true"]})
    agent.start()
    agent.wait_app("watched", "Synced", repository.head)
    for number in range(20):
        crds.admin.patch("v1", "ConfigMap", namespace, f"m{number}", {"data": {"value": "mine"}})
    wait_for("all are known to differ", lambda: len(agent.cli("app", "diff", "watched", "-o", "json").items) == 20)

    def passes():
        return agent.metrics()["pgitops_passes_total"]
    before = passes()
    wait_for("two passes", lambda: passes() >= before + 2)
    mark, before = crds.mark(), passes()
    wait_for("three passes", lambda: passes() >= before + 3)
    assert [event["requestURI"] for event in crds.requests(mark, namespace=namespace)
            if event["verb"] not in ("list", "watch")] == []
    assert agent.log().count("drift found") == 20 and agent.metrics()["pgitops_drift_found_total"] == 20
    assert agent.app("watched")["status"]["sync"]["status"] == "OutOfSync"

    crds.admin.patch("v1", "ConfigMap", namespace, "m3", {"data": {"value": "theirs"}})
    wait_for("a newer change is seen", lambda: "theirs" in agent.cli("app", "diff", "watched", "-o", "json").out)
    agent.cli("app", "sync", "watched").ok()
    assert crds.admin.get("v1", "ConfigMap", namespace, "m3")["data"] == {"value": "one"}
    agent.wait_app("watched", "Synced", repository.head)


def quiet(agent, server):
    """Statements of one pass over users that are as they should be, and what it wrote."""
    names = ("pgitops_user_passes_total", "pgitops_sql_statements_total", "pgitops_sql_writes_total")

    def passes_later(count):
        """What is counted right after so many passes: of one answer, and of no pass the half."""
        def counted():
            metrics = agent.metrics()
            return [metrics[name] for name in names]

        before = counted()[0]
        return wait_for(f"{count} passes", lambda: (now := counted())[0] >= before + count and now, 60)

    first = passes_later(1)
    catalog = server.query("SELECT rolname, xmin::text FROM pg_authid ORDER BY 1")
    last = passes_later(3)
    assert server.query("SELECT rolname, xmin::text FROM pg_authid ORDER BY 1") == catalog
    return (last[1] - first[1]) / (last[0] - first[0]), last[2] - first[2]


def test_a_quiet_pass_over_users_costs_the_same_few_statements_for_any_number(agent, server, tmp_path):
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    members = {f"user{number:03}": ["readers", "writers"] for number in range(300)}
    for name in members:
        agent.secret("postgres", f"user-{name}-secret", f"pw-{name}")
    costs = {}
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    for count in (10, 300):
        repository.commit({"users/users.yaml": users(**dict(list(members.items())[:count]))})
        if agent.process is None:
            agent.start()
        wait_for("everybody is there", lambda: sum(
            item["status"] == "Synced" for item in agent.items("user", "list")) == count, 60, 0.2)
        wait_for("the database says so", lambda: agent.get("/api/v1/databases").json["items"][0]["synced"] == count)
        costs[count] = quiet(agent, server)
    assert costs[10][1] == costs[300][1] == 0, "a quiet pass writes nothing"
    assert costs[10][0] == costs[300][0] <= 30, costs
    assert server.can_login("user299", "pw-user299", "app")
