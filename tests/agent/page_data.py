"""What a small team's agent could know: two Applications, a dozen users, somebody's hand edits."""

import copy
import datetime

NOW = datetime.datetime.now(datetime.timezone.utc)
COMMIT = "8f3c1d90a7be42d6b1e05c7a9d4f2e6b83a01c55"
OLDER = "21b7e6f4c09d8a35f1726bd0e94c8a7f5d3b6e12"
REPOSITORY = "https://git.example.org/platform/databases.git"


def ago(**delta):
    return (NOW - datetime.timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


def deployment(number, revision, minutes):
    """An entry of status.history, to the row that revision() makes with the same minutes."""
    return {"id": number, "revision": revision, "deployStartedAt": ago(minutes=minutes, seconds=1), "deployedAt": ago(minutes=minutes)}


def application(name, path, namespace, sync="Synced", health="Healthy", resources=(), differences=(), automated=True, **status):
    return {
        "set": "application", "name": name, "differences": list(differences),
        "document": {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {
                "project": "default",
                "source": {"repoURL": REPOSITORY, "path": path, "targetRevision": "main"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
                "syncPolicy": {"automated": {"prune": True, "selfHeal": True}} if automated else {},
            },
            "status": {
                "sync": {"status": sync, "revision": COMMIT}, "health": {"status": health},
                "reconciledAt": ago(seconds=24), "resources": list(resources),
                "operationState": {"phase": "Succeeded", "message": "successfully synced (all tasks run)",
                                   "startedAt": ago(minutes=18), "finishedAt": ago(minutes=18)},
            } | status,
        },
    }


def resource(group, kind, namespace, name, status="Synced", health="Healthy", message=""):
    return {"group": group, "version": "v1", "kind": kind, "namespace": namespace, "name": name, "status": status,
            "health": {"status": health, "message": message}}


def user(name, status="Synced", roles=(), reason="", differences=(), database="main", **when):
    return {"set": "user", "database": database, "name": name, "document": {
        "name": name, "database": database, "status": status, "reason": reason, "roles": list(roles),
        "differences": [dict(zip(("field", "wanted", "found"), item)) for item in differences],
        "lastChange": {"time": ago(**(when or {"days": 3})), "commit": COMMIT}}}


def database(name, status="Connected", reason="", users=12, synced=9):
    return {"set": "database", "name": name, "document": {
        "name": name, "application": "postgres-users", "status": status, "reason": reason, "serverVersion": 170010,
        "users": users, "synced": synced, "lastPass": ago(seconds=21), "commit": COMMIT}}


def revision(application, commit, author, message, phase="Succeeded", text="", trigger="automated", minutes=18, **counts):
    return {"set": "revision", "application": application, "commit": commit, "author": author, "message": message,
            "phase": phase, "trigger": trigger, "text": text, "started": ago(minutes=minutes, seconds=1),
            "finished": ago(minutes=minutes)} | counts


USERS = [
    user("alice", roles=["reporting", "app_read"], minutes=18),
    user("bob", "Drifted", ["app_read", "app_write"], "", [("roles", "app_read, app_write", "app_read, app_write, postgres")]),
    user("carol", roles=["app_read"]),
    user("dave", "Degraded", ["app_read"], "the Secret postgres/user-dave-secret has no key password: add it, or set passwordKey"),
    user("erin", "Retiring", [], "locked out; owns 3 tables in orders: they are reassigned to app_owner with the next pass", hours=2),
    user("frank", roles=["app_read", "app_write", "billing"]),
    user("grace", roles=["reporting"]),
    user("heidi", "Refused", [], "users.yaml:41: the role pg_execute_server_program may not be granted: the agent's policy denies it"),
    user("ivan", roles=["app_read"]), user("judy", roles=["app_write"], database="analytics"),
    user("mallory", roles=["app_read"], database="analytics"), user("olivia", roles=["billing"], database="analytics"),
]

HEALTHY = [
    {"set": "fact", "key": "agent.version", "value": "0.1.0"},
    {"set": "fact", "key": "agent.started", "value": ago(hours=31)},
    {"set": "fact", "key": "cluster", "value": "https://10.0.0.1:6443"},
    application("postgres-cluster", "postgres-cluster", "default", resources=[
        resource("acid.zalan.do", "postgresql", "default", "acid-main-cluster", message="Running since 31 h"),
        resource("", "ConfigMap", "default", "postgres-pod-config"),
        resource("", "Secret", "default", "acid-backup-credentials")],
        history=[deployment(6, OLDER, 4400), deployment(7, COMMIT, 95)]),
    revision("postgres-cluster", OLDER, "Dana Whitfield", "Raise max_connections to 200", minutes=4400, configured=1),
    revision("postgres-cluster", COMMIT, "Dana Whitfield", "Give the cluster a third instance\n\nFor the reports.", minutes=95, configured=1, unchanged=2),
    database("main", users=9, synced=9), database("analytics", users=3, synced=3),
    user("alice", roles=["reporting", "app_read"], minutes=18), user("carol", roles=["app_read"]),
]

TROUBLED = HEALTHY + [
    application("postgres-users", "postgres-users", "postgres", sync="OutOfSync", health="Degraded", resources=[
        resource("", "ConfigMap", "postgres", "postgres-users-config", "OutOfSync"),
        resource("bitnami.com", "SealedSecret", "postgres", "user-alice-secret"),
        resource("bitnami.com", "SealedSecret", "postgres", "user-dave-secret", "Synced", "Degraded",
                 "no key could decrypt secret (password)")],
        differences=[{"group": "", "kind": "ConfigMap", "namespace": "postgres", "name": "postgres-users-config",
                      "change": "configured", "fields": [
                          {"path": "data.users\\.yaml", "wanted": "users:\n- username: alice\n", "found": "users: []\n",
                           "by": "kubectl-edit"},
                          {"path": "metadata.labels.team", "wanted": "platform", "found": None, "by": "kubectl-edit"}]}],
        conditions=[{"type": "RepeatedResourceWarning", "lastTransitionTime": ago(minutes=18),
                     "message": "ConfigMap postgres/postgres-users-config stands in edit-users.yaml:1 and users.yaml:1: the last one counts"}],
        operationState={"phase": "Failed", "startedAt": ago(minutes=2), "finishedAt": ago(minutes=2),
                        "message": "users.yaml:41:9: the role pg_execute_server_program may not be granted: the agent's policy denies it"}),
    revision("postgres-users", OLDER, "Tomasz Król", "Remove erin, she left", minutes=130, configured=1, unchanged=12),
    revision("postgres-users", COMMIT, "Dana Whitfield", "Add heidi", "Failed", minutes=2,
             text="users.yaml:41:9: the role pg_execute_server_program may not be granted"),
    database("main", users=9, synced=5), database("analytics", "Waiting", "connection to server at 10.0.0.7, port 5432 refused: is it running?", 3, 3),
    *USERS,
    {"set": "drift", "application": "postgres-users", "time": ago(minutes=1), "database": "main", "user": "bob", "field": "roles",
     "wanted": "app_read, app_write", "found": "app_read, app_write, postgres", "by": ""},
    {"set": "drift", "application": "postgres-users", "time": ago(hours=5), "healed": ago(hours=5), "database": "main",
     "user": "carol", "field": "password", "wanted": "<hidden>", "found": "<hidden>", "by": ""},
    {"set": "drift", "application": "postgres-cluster", "time": ago(hours=26), "healed": ago(hours=26), "group": "acid.zalan.do",
     "kind": "postgresql", "namespace": "default", "name": "acid-main-cluster", "field": "spec.numberOfInstances", "wanted": "3",
     "found": "2", "by": "kubectl-edit"},
    {"set": "change", "database": "main", "user": "alice", "action": "create", "commit": COMMIT, "started": ago(minutes=18),
     "finished": ago(minutes=18), "outcome": "done", "statement": "CREATE ROLE \"alice\" LOGIN PASSWORD :'alice_verifier' CONNECTION LIMIT 20"},
    {"set": "change", "database": "main", "user": "alice", "action": "grant", "commit": COMMIT, "started": ago(minutes=18),
     "finished": ago(minutes=18), "outcome": "done", "statement": "GRANT \"reporting\", \"app_read\" TO \"alice\""},
    {"set": "change", "database": "main", "user": "erin", "action": "retire", "commit": OLDER, "started": ago(hours=2),
     "finished": ago(hours=2), "outcome": "done", "statement": "ALTER ROLE \"erin\" NOLOGIN PASSWORD NULL"},
    {"set": "change", "database": "analytics", "user": "olivia", "action": "grant", "commit": OLDER, "started": ago(hours=3),
     "finished": ago(hours=3), "outcome": "role \"billing\" does not exist: create it or list it as a group", "statement": "GRANT \"billing\" TO \"olivia\""},
]

# A sync by hand that waits for a hook, in an Application with waves.
RUNNING = [
    application("shop", "shop", "shop", sync="OutOfSync", health="Progressing", automated=False, resources=[
        resource("", "ConfigMap", "shop", "settings") | {"syncWave": -1},
        resource("apps", "Deployment", "shop", "web", "OutOfSync", "Progressing") | {"syncWave": 2},
        resource("", "ConfigMap", "shop", "old", "OutOfSync") | {"requiresPruning": True}],
        history=[deployment(0, OLDER, 4400), deployment(1, COMMIT, 95)],
        operationState={
            "phase": "Running", "startedAt": ago(minutes=4), "message": "waiting for completion of hook batch/Job shop/migrate",
            "retryCount": 1, "operation": {"initiatedBy": {"username": "dana"}, "sync": {}},
            "syncResult": {"revision": COMMIT, "resources": [
                {"group": "batch", "version": "v1", "kind": "Job", "namespace": "shop", "name": "migrate", "hookType": "PreSync",
                 "hookPhase": "Running", "syncPhase": "PreSync", "message": "1 pod is running"}]}}),
    revision("shop", OLDER, "Dana Whitfield", "First version", minutes=4400, created=3),
    revision("shop", COMMIT, "Dana Whitfield", "Two replicas", minutes=95, configured=1),
    revision("shop", COMMIT, "Dana Whitfield", "Two replicas", "Failed", minutes=30, trigger="manual", text="migrate failed"),
]


def ended(items):
    """The same when the sync is over."""
    items = copy.deepcopy(items)
    items[0]["document"]["status"]["operationState"] |= {"phase": "Succeeded", "finishedAt": ago(minutes=1), "message": "successfully synced"}
    return items


def access_item(user, kind, thing, privilege, **more):
    """A row of the answer of GET /api/v1/users/access."""
    return {"user": user, "database": "app", "kind": kind, "object": thing, "privilege": privilege, "via": [], "grantable": False,
            "origin": "hand", "byHand": True, "commit": "", "file": "", "line": 0} | more


FROM_GIT = {"origin": "git", "byHand": False, "commit": "3f9a2c1d" * 5, "file": "postgres-users/users.yaml", "line": 12}

ACCESS = {"entry": "main", "commit": "3f9a2c1d" * 5, "file": "postgres-users/users.yaml", "pending": "", "server": 160014, "count": 7, "notes": [
    "database app: row security is on for public.orders: its policies say which rows, where the answer does not say otherwise"], "items": [
        access_item("alice", "table", "public.orders", "SELECT", via=["app_read"], rowSecurity=True, **FROM_GIT),
        access_item("alice", "table", "public.orders", "INSERT", via=["app_write", "writers"], hand="membership of alice in app_write"),
        access_item("alice", "table", "public.orders", "UPDATE", via=["app_write", "writers"], hand="membership of alice in app_write"),
        access_item("bob", "table", "public.orders", "DELETE", via=["analyst"], setRole="analyst", hand="membership of bob in analyst", more=2),
        access_item("dave", "table", "public.orders", "SELECT", via=["public"], needs="USAGE on schema public", grantable=True),
        access_item("postgres", "table", "public.orders", "ALL", origin="default", byHand=False, means="superuser"),
        access_item("public", "table", "public.orders", "TRIGGER")]}
