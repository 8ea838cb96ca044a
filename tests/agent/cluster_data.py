"""Database clusters as the agent's API has them, for the tests of the page."""

import copy
import datetime


def ago(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def member(name, role="replica", **more):
    leads = role == "leader"
    return {"name": name, "host": "10.2.0.7", "role": role, "state": "running" if leads else "streaming", "timeline": 4, "contact": "answered",
            "inRecovery": not leads, "pendingRestart": False} | ({} if leads else {"lagBytes": 0, "receiveLagBytes": 0, "replayLagBytes": 0}) | more


def cluster(*members, **more):
    leader = next((m["name"] for m in members if m["role"] == "leader"), None)
    return {"name": "acid-minimal-cluster", "namespace": "default", "healthy": leader is not None, "timeline": 4, "paused": False, "syncMode": "off",
            "leaderSince": ago(86400), "lastFailover": ago(86400), "problems": [], "members": list(members)} | ({"leader": leader} if leader else {}) | more


CALM = cluster(member("acid-minimal-cluster-0", "leader"), member("acid-minimal-cluster-1", "sync_standby"),
               member("acid-minimal-cluster-2", lagBytes=13000000, replayLagBytes=13000000), syncMode="on")
MOVED = cluster(member("acid-minimal-cluster-0", timeline=5), member("acid-minimal-cluster-1", "leader", timeline=5),
                member("acid-minimal-cluster-2", timeline=5), timeline=5, lastFailover=ago(4), lastFailoverTo="acid-minimal-cluster-1", leaderSince=ago(4))
TROUBLED = cluster(
    member("acid-minimal-cluster-0", contact="silent", silence="Connection refused", state="running", lagBytes=None),
    member("acid-minimal-cluster-1", state="starting"), member("acid-minimal-cluster-2", state="running"),
    problems=[{"severity": "error", "text": "there is no leader: nobody takes writes"}, {"severity": "warning", "text": "acid-minimal-cluster-2 runs and follows nobody"}])
for one in TROUBLED["members"][0], TROUBLED["members"][1]:
    for key in ("lagBytes", "receiveLagBytes", "replayLagBytes"):
        del one[key]


def said(document, number=0):
    """The line for page_server.c."""
    return {"set": "cluster", "number": number, "document": copy.deepcopy(document)}
