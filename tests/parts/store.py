"""A store as an agent would have left it, for the tests of what reads it: the real schema, rows of the test's choice.

    store = Store(tmp_path / "state")
    store.application("postgres-users", sync="Synced", health="Healthy", revision="3f2a1b4...")
    store.close()
    run("app", "list", "--state", store.folder)
"""

import datetime
import json
import pathlib
import sqlite3

SCHEMA = sorted((pathlib.Path(__file__).resolve().parents[2] / "store").glob("schema_*.sql"),
                key=lambda path: int(path.stem.split("_")[1]))


def now(**ago):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**ago)


def text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def micros(moment):
    return int(moment.timestamp() * 1_000_000)


class Store:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / "pgitops.db"
        path.touch(mode=0o600)
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        if self.db.execute("PRAGMA user_version").fetchone()[0] == 0:
            for step in SCHEMA:
                self.db.executescript(step.read_text())
            self.db.execute(f"PRAGMA user_version = {len(SCHEMA)}")

    def close(self):
        self.db.close()

    def insert(self, table, **row):
        names = ", ".join(row)
        marks = ", ".join("?" for _ in row)
        return self.db.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", list(row.values())).lastrowid

    def fact(self, key, value):
        self.insert("fact", key=key, value=value, updated=micros(now()))

    def application(self, name, sync="Synced", health="Healthy", revision="", differences=(), repo="https://git.example.org/team/db.git",
                    path=None, target="main", namespace="default", automated=True, checked=None, **status):
        """An Application object with its status; `status` adds to or replaces its fields."""
        policy = {"automated": {"prune": True, "selfHeal": True}} if automated else {}
        document = {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {
                "project": "default",
                "source": {"repoURL": repo, "path": path or name, "targetRevision": target},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
                "syncPolicy": policy,
            },
            "status": {
                "sync": {"status": sync, "revision": revision},
                "health": {"status": health},
                "reconciledAt": text(checked or now(seconds=20)),
            } | status,
        }
        self.insert("application", name=name, document=json.dumps(document), differences=json.dumps(list(differences)),
                    updated=micros(now()))
        return document

    def revision(self, application, commit, started, **more):
        row = {"author": "Ada Lovelace <ada@example.org>", "message": "", "finished": micros(started) + 800_000,
               "phase": "Succeeded", "cause": "automated", "outcome": "", "created": 0, "configured": 0, "unchanged": 0,
               "pruned": 0, "failed": 0} | more
        return self.insert("revision", application=application, commit_id=commit, started=micros(started), **row)

    def database(self, name, status="Connected", **more):
        document = {"name": name, "application": "postgres-users", "status": status, "reason": ""} | more
        self.insert("database", name=name, document=json.dumps(document), updated=micros(now()))

    def user(self, name, database="main", status="Synced", roles=(), reason="", differences=(), changed=None, commit="", **more):
        document = {"name": name, "database": database, "status": status, "reason": reason, "roles": list(roles),
                    "differences": list(differences)} | more
        if changed:
            document["lastChange"] = {"time": text(changed), "commit": commit}
        self.insert("user", database=database, name=name, document=json.dumps(document), updated=micros(now()))

    def user_change(self, user, action, started, statement="", commit="", outcome="done", database="main", times=1):
        return self.insert("user_change", database=database, user=user, action=action, statement=statement,
                           commit_id=commit, started=micros(started),
                           finished=micros(started) + 1000 if outcome else 0, outcome=outcome, times=times)

    def drift(self, time, application="postgres-cluster", kind="", name="", group="", namespace="", user="", database="",
              field="", wanted="", found="", by="", healed=None):
        return self.insert("drift", application=application, time=micros(time), healed=micros(healed) if healed else 0,
                           api_group=group, kind=kind, namespace=namespace, name=name, database=database, user=user,
                           field=field, wanted=wanted, found=found, changed_by=by)

    def operation(self, kind, target, phase="Succeeded", message="", by="cli", result="", started=None):
        moment = started or now(minutes=1)
        return self.insert("operation", kind=kind, target=target, requested_by=by, request="{}", started=micros(moment),
                           finished=micros(moment) + 1000, phase=phase, message=message, result=result)
