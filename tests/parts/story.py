"""One day of a small team, for the tests of the tables: two Applications, two databases, four users, some drift.

Ages are half a minute off the full one, so that a slow machine shows the same.
"""

from parts import store as stores
from parts.store import Store, text

GOOD = "3f2a1b40c8d94e6fa7b2c3d4e5f60718293a4b5c"
BROKEN = "9c0ffee1d2c3b4a5968778695a4b3c2d1e0f9a8b"


def now(**ago):
    return stores.now(**({"seconds": 20} | ago))


def tell(folder):
    store = Store(folder)
    store.fact("agent.version", "0.1.0")
    store.fact("agent.started", text(now(hours=5, minutes=10)))
    store.fact("cluster", "v1.36.3")
    cluster = {"group": "acid.zalan.do", "version": "v1", "kind": "postgresql", "namespace": "default",
               "name": "acid-minimal-cluster"}
    first, second = now(days=3, hours=1), now(hours=3, minutes=5)
    store.application(
        "postgres-cluster", sync="OutOfSync", health="Progressing", revision=GOOD, checked=now(minutes=2),
        resources=[cluster | {"status": "OutOfSync", "health": {"status": "Progressing", "message": "Updating"}}],
        conditions=[{"type": "ComparisonError", "lastTransitionTime": text(now(minutes=7)),
                     "message": f"commit {BROKEN[:7]} cannot be used: postgres-cluster/cluster.yaml:14:3: did not find "
                                "expected key: fix the file and push"}],
        operationState={"phase": "Succeeded", "message": "1 object configured", "startedAt": text(now(hours=3, minutes=5)),
                        "finishedAt": text(now(hours=3, minutes=5)), "operation": {"initiatedBy": {"automated": True}},
                        "syncResult": {"revision": GOOD, "resources": [
                            cluster | {"status": "Synced", "message": "postgresql default/acid-minimal-cluster configured"}]}},
        history=[{"id": 3, "revision": BROKEN[::-1], "deployStartedAt": text(first), "deployedAt": text(first)},
                 {"id": 4, "revision": GOOD, "deployStartedAt": text(second), "deployedAt": text(second)}],
        differences=[cluster | {"change": "update", "fields": [
            {"path": "spec.numberOfInstances", "wanted": "2", "found": "3", "by": "kubectl-edit"}]}])
    store.application("postgres-users", revision=GOOD, namespace="postgres", checked=now(minutes=2), resources=[
        {"version": "v1", "kind": "ConfigMap", "namespace": "postgres", "name": "postgres-users-config", "status": "Synced",
         "syncWave": -1},
        {"group": "bitnami.com", "version": "v1alpha1", "kind": "SealedSecret", "namespace": "postgres",
         "name": "user-eve-secret", "status": "Synced", "health": {"status": "Healthy"}}],
        history=[{"id": 0, "revision": GOOD, "deployedAt": text(now(hours=3, minutes=5))}])
    store.revision("postgres-cluster", BROKEN[::-1], first, message="Two instances\n\nFor failover.", created=1)
    store.revision("postgres-cluster", GOOD, second, message="More memory for PostgreSQL", configured=1,
                   outcome="1 object configured")
    store.revision("postgres-cluster", GOOD, now(minutes=30), cause="self-heal", phase="Failed", failed=1,
                   message="More memory for PostgreSQL", outcome="the API server did not answer")
    store.database("main", serverVersion="17.10", users=4, synced=2, lastPass=text(now(minutes=3)), commit=GOOD)
    store.database("reports", status="Waiting", serverVersion="", users=0, synced=0, lastPass=text(now(minutes=4)),
                   reason="connection to 10.0.0.6:5432 refused: is PostgreSQL running there?")
    store.user("ada", roles=["developers", "readers"], changed=now(days=3, hours=1), commit=GOOD)
    store.user("eve", status="Drifted", roles=["readers"], reason="changed by hand: roles", changed=now(hours=3, minutes=5),
               commit=GOOD, differences=[{"field": "roles", "wanted": "readers", "found": "readers, pg_read_all_data"}], secretVersion="7",
               entry={"file": "postgres-users/users.yaml", "line": 14, "ensure": "present", "databases": ["app"], "login": True,
                      "memberships": [{"role": "readers", "admin": False, "inherit": True, "set": False}], "connectionLimit": 5,
                      "validUntil": "2027-01-01T00:00:00Z", "attributes": [{"name": "createdb", "wanted": True}],
                      "password": {"kind": "secret", "namespace": "postgres", "secret": "user-eve-secret", "key": "password"},
                      "grants": [{"object": "app: table shop.orders", "privileges": ["SELECT", "INSERT"], "line": 17}]})
    store.user("mallory", status="Refused", reason="role postgres may not be granted: policy of the agent file")
    store.user("zoë", roles=["readers"], changed=now(hours=3, minutes=5), commit=GOOD)
    store.user_change("ada", "create", now(days=3, hours=1), commit=GOOD,
                      statement="CREATE ROLE \"ada\" LOGIN PASSWORD :'ada_verifier'")
    store.user_change("eve", "create", now(hours=3, minutes=5), commit=GOOD,
                      statement="CREATE ROLE \"eve\" LOGIN PASSWORD :'eve_verifier'")
    store.user_change("eve", "revoke", now(minutes=50), commit=GOOD, outcome="permission denied for role readers",
                      statement='REVOKE "pg_read_all_data" FROM "eve"')
    store.user_change("eve", "revoke", now(minutes=2), commit=GOOD, outcome="", statement='REVOKE "pg_read_all_data" FROM "eve"')
    store.drift(now(days=1, hours=2), kind="ConfigMap", namespace="postgres", name="postgres-users-config",
                application="postgres-users", field="data.users.yaml", wanted="<4 lines>", found="<5 lines>",
                by="kubectl-edit", healed=now(days=1, hours=2))
    store.drift(now(minutes=50), application="postgres-users", database="main", user="eve", field="roles",
                wanted="readers", found="readers, pg_read_all_data", by="postgres")
    store.drift(now(minutes=6), kind="postgresql", group="acid.zalan.do", namespace="default", name="acid-minimal-cluster",
                field="spec.numberOfInstances", wanted="2", found="3", by="kubectl-edit")
    store.operation("users-sync", "reports", phase="Failed", message="connection to 10.0.0.6:5432 refused",
                    started=now(minutes=4))
    return store
