"""What `patronictl list` shows beside what ours does."""

import json

from parts.process import wait_for

TITLES = {"leader": "Leader", "replica": "Replica", "sync_standby": "Sync Standby", "standby_leader": "Standby Leader",
          "quorum_standby": "Quorum Standby"}


def as_patronictl(member):
    """A member of ours in the words of `patronictl list -f json`."""
    row = {"Member": member["name"], "Host": member["host"], "Role": TITLES[member["role"]], "State": member["state"],
           "TL": member["timeline"]}
    for kind in ("receive", "replay"):
        if f"{kind}LagBytes" in member:
            row[f"{kind.title()} LSN"] = member[f"{kind}d" if kind == "receive" else "replayed"]
            row[f"{kind.title()} Lag"] = round(member[f"{kind}LagBytes"] / 1048576)
    if member["pendingRestart"]:
        row["Pending restart"] = "*"
        row["Pending restart reason"] = ", ".join(
            f"{name}: {change['old_value']}->{change['new_value']}" for name, change in member["pendingRestartReason"].items())
    if member.get("tags"):
        row["Tags"] = member["tags"]
    return row


def agrees(ours_now, patroni):
    """Both lists, once they are equal; both are of one moment only while nothing moves. `ours_now` gives our document of the cluster."""
    seen = {}

    def equal():
        theirs = json.loads(patroni.patronictl("list", "-f", "json"))
        for row in theirs:
            del row["Cluster"]
        ours = [as_patronictl(m) for m in ours_now()["members"]]
        seen.update(ours=ours, theirs=theirs)
        return ours == theirs

    try:
        wait_for("both lists are equal", equal)
    except TimeoutError:
        assert seen["ours"] == seen["theirs"]
    return seen["theirs"]
