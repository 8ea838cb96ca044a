"""Users on a Patroni that keeps its leader in etcd: killed, frozen, cut off from it, and with a disk that is full."""

import contextlib
import re

import psycopg
import pytest

from parts.failover import Setting, created, users_yaml
from parts.patroni_etcd import EtcdPatroni, Wire
from parts.process import wait_for
from parts.small_disk import fill


SMALL = "demo-0"


@pytest.fixture(scope="module")
def patroni(program):
    made = EtcdPatroni().start()
    yield made
    made.close()


@pytest.fixture
def setting(patroni, agent, tmp_path):
    patroni.wait_healthy()
    made = Setting(patroni, agent, tmp_path)
    made.clean()
    return made


@pytest.fixture
def patient(patroni):
    """What stands of a member that is silent stands until it is seen, however slow that is."""
    with patroni.patient():
        yield


def listed(agent):
    found = agent.cli("cluster", "list", "-o", "json")
    (cluster,) = found.items
    return found.code, {m["name"]: m for m in cluster["members"]}, [p["text"] for p in cluster["problems"]]


def test_users_follow_and_cluster_list_tells_the_truth_by_the_rest_api_alone(setting):
    cluster = setting.patroni
    setting.agent.begin()
    setting.agent.wait_user("alice")
    first = cluster.leader()
    before = first.value("SELECT oid FROM pg_roles WHERE rolname = 'alice'")
    second = cluster.switchover(SMALL)
    setting.repository.commit(users_yaml("alice", "bob"))
    setting.agent.wait_user("bob")
    assert second.value("SELECT oid FROM pg_roles WHERE rolname = 'alice'") == before and created(setting) == ["alice", "bob"]
    seen = {}

    def true():
        code, members, texts = listed(setting.agent)
        ours = {name: (m["role"], m.get("state"), m.get("timeline")) for name, m in members.items()}
        theirs = {m.name: (*(("leader", "running") if m is second else ("replica", "streaming")), m.word().get("timeline", "not said"))
                  for m in cluster.members.values()}
        seen.update(code=code, texts=texts, ours=ours, theirs=theirs)
        return code == 0 and ours == theirs

    with contextlib.suppress(TimeoutError):
        wait_for("the list tells the truth", true)
    assert seen["code"] == 0 and seen["ours"] == seen["theirs"], seen


def test_a_leader_whose_disk_is_full_loses_no_user(setting):
    cluster = setting.patroni
    small = cluster.members[SMALL]
    if cluster.leader() is not small:
        cluster.switchover(SMALL)
    setting.agent.begin()
    setting.agent.wait_user("alice")
    fill(small.disk() / "filler")
    try:
        with pytest.raises(psycopg.Error), small.connect() as session:
            for _ in range(200):
                session.execute("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1048576))")
        setting.repository.commit(users_yaml("alice", "bob"))
        setting.agent.wait_user("bob", seconds=60)
        new = cluster.leader()
        assert new is not small and setting.has(new, "alice") and setting.has(new, "bob")
        assert created(setting) == ["alice", "bob"]

        unwell = re.compile(rf"{SMALL} (answers no query|does not answer|runs and follows nobody|is (start|stopp|crash|\d+ MiB behind))")

        def told():
            """It may find room for a start: that is filled, too, and the next leader sends more than it can take."""
            fill(small.disk() / "filler-of-the-rest")
            new.value("SELECT count(pg_logical_emit_message(false, 'fill', repeat('x', 1048576))) FROM generate_series(1, 16)")
            code, members, texts = listed(setting.agent)
            return code == 0 and members[new.name]["role"] == "leader" and members[SMALL]["role"] == "replica" and any(
                map(unwell.match, texts))

        wait_for("the list tells it", told, 60)
    finally:
        for filler in small.disk().glob("filler*"):
            filler.unlink()
    cluster.reinit(small.name)
    assert setting.has(small, "bob")


@pytest.mark.parametrize("how", [Wire.cut, Wire.hush])
def test_a_leader_that_is_cut_off_from_etcd_gets_no_write(setting, patient, how):
    """It lives, takes writes until Patroni gives up, and the record goes to another one meanwhile: for a moment there are two. Where etcd is
    silent, it goes on telling that it leads; it is the first that is asked."""
    cluster, agent = setting.patroni, setting.agent
    old = cluster.leader()
    agent.config["databases"][0]["patroni"].sort(key=lambda url: not url.endswith(f":{old.rest_port}"))
    agent.begin()
    agent.wait_user("alice")
    how(cluster.wires[old.name])
    try:
        cluster.forget_leader()
        new = setting.goes_to_the_next_leader(old, "bob")

        def told():
            code, members, texts = listed(agent)
            roles = [member and member["role"] for member in (members.get(new.name), members.get(old.name))]
            return code == 0 and roles == ["leader", "replica"] and any(
                text.startswith(f"{old.name} has heard nothing from its store") for text in texts)

        wait_for("the list tells it", told, pause=1)
        assert created(setting) == ["alice", "bob"]
    finally:
        cluster.wires[old.name].mend()


def test_a_leader_that_is_killed_and_one_that_is_frozen_are_told_and_followed_once(setting, patient):
    cluster, agent = setting.patroni, setting.agent
    agent.begin()
    agent.wait_user("alice")
    wait_for("alice everywhere", lambda: all(setting.has(member, "alice") for member in cluster.members.values()))
    names, down = ["alice"], []
    if cluster.leader().name == SMALL:  # what was on its disk is gone with it
        cluster.switchover()

    def goes_on(fault, name):
        """With `name` in Git meanwhile; who follows."""
        old = cluster.leader()
        fault(old.name)
        down.append(old)
        names.append(name)
        setting.repository.commit(users_yaml(*names))
        setting.waits(f"the leader {old.name} does not answer")

        def told():
            code, members, texts = listed(agent)
            return code == 1 and texts[0].startswith(f"the leader {old.name} does not answer") and (
                members[old.name]["role"], members[old.name]["contact"]) == ("leader", "silent")

        wait_for("the list tells it", told)
        cluster.forget_leader()
        agent.wait_user(name, seconds=60)
        new = cluster.leader()
        assert new is not old and setting.has(new, name)

        def told_of_both():
            code, members, texts = listed(agent)
            # In etcd its own key is gone with its time, and it with it.
            silent = old.name not in members or any(text.startswith(f"{old.name} does not answer") for text in texts)
            return code == 0 and members[new.name]["role"] == "leader" and silent

        wait_for("the list tells who leads now, and who is silent", told_of_both)
        return new

    try:
        second = goes_on(cluster.kill, "bob")
        (third,) = {*cluster.members.values()} - {second, *down}
        cluster.wait("it follows", lambda: third.word().get("replication_state") == "streaming" and setting.has(third, "bob"), 60)
        assert goes_on(cluster.freeze, "carol") is third
    finally:
        for member in down:
            if member.process:
                cluster.thaw(member.name)
            else:
                member.start()
    # What either had that nobody received is a timeline of its own.
    for member in down:
        cluster.wait(f"{member.name} speaks", member.word, 60)
        cluster.make_anew(member.name)
    cluster.wait_healthy()
    assert cluster.leader() is third
    wait_for("carol everywhere", lambda: all(setting.has(member, "carol") for member in cluster.members.values()))
    assert created(setting) == names


def test_a_store_that_is_gone_for_all_of_them_is_told_and_waited_for(setting):
    """In failsafe mode the leader goes on meanwhile: nobody can say any more that it is the one. Whoever looks, however often, does not keep the
    others from answering it: Patroni has five threads for that, and waits with a question for the store as long as it tries."""
    cluster, agent = setting.patroni, setting.agent
    cluster.configure(failsafe_mode=True)
    try:
        # Who does not know yet whom to ask, or that it is asked, makes the leader step down.
        cluster.wait("each knows all of them", lambda: all(set(m.rest("/failsafe")[1]) == set(cluster.members) for m in cluster.members.values()), 60)
        agent.begin()
        agent.wait_user("alice")
        leader = cluster.leader()
        for wire in cluster.wires.values():
            wire.cut()
        cluster.wait("failsafe mode", lambda: listed(agent) and leader.word().get("failsafe_mode_is_active"), 60)
        setting.repository.commit(users_yaml("alice", "bob"))
        setting.waits("Patroni gives no answer")
        others = [member.name for member in cluster.members.values() if member is not leader]
        told = {f"{leader.name} is in failsafe mode: it does not reach its store, and leads because all others answer it"}
        told |= {f"{name} answers a leader in failsafe mode, which does not reach its store" for name in others}
        seen = []

        def alone():
            """By their own words alone: /cluster is answered by nobody."""
            code, members, texts = seen[:] = listed(agent)
            return code == 1 and texts[0].startswith("no member has a picture of the cluster, shown is what each says of itself") and (
                told <= set(texts)) and {name: m["role"] for name, m in members.items()} == {leader.name: "leader"} | dict.fromkeys(others, "replica")

        try:
            wait_for("the list tells it", alone)
        except TimeoutError:
            raise AssertionError((seen, leader.story())) from None
        for _ in range(10):
            assert alone(), (seen, leader.story())
        assert "no member has a picture" in agent.cli("cluster", "get", cluster.name).is_(1).out
        refused = agent.cli("cluster", "switchover", cluster.name, "--yes").is_(1)
        assert "no member has a picture" in refused.err and cluster.name in refused.err, refused
        assert leader.value("SELECT NOT pg_is_in_recovery()") and setting.lacks(leader, "bob") and "demoting self" not in leader.story(), leader.story()
    finally:
        for wire in cluster.wires.values():
            wire.mend()
        cluster.wait_healthy()
        cluster.configure(failsafe_mode=None)
    agent.wait_user("bob", seconds=60)
    assert cluster.leader() is leader and created(setting) == ["alice", "bob"]


def test_without_failsafe_mode_all_of_them_step_down_and_nobody_is_written_to(setting):
    """Patroni's rule for a store that is gone: nobody leads. What Git asks for meanwhile is made once, when somebody does again."""
    cluster, agent = setting.patroni, setting.agent
    agent.begin()
    agent.wait_user("alice")
    wait_for("alice everywhere", lambda: all(setting.has(member, "alice") for member in cluster.members.values()))
    leader = cluster.leader()
    for wire in cluster.wires.values():
        wire.cut()
    try:
        setting.repository.commit(users_yaml("alice", "bob"))
        cluster.wait("all of them are replicas", lambda: all(
            (word.get("role"), word.get("state")) == ("replica", "running") for word in (member.word() for member in cluster.members.values())), 60)
        setting.waits("Patroni gives no answer")
        seen = []

        def told():
            code, members, texts = seen[:] = listed(agent)
            return code == 1 and texts[0].startswith("no member has a picture of the cluster") and {
                name: m["role"] for name, m in members.items()} == dict.fromkeys(cluster.members, "replica")

        try:
            wait_for("the list tells it", told)
        except TimeoutError:
            raise AssertionError((seen, leader.story())) from None
        for ask in (["cluster", "get", cluster.name], ["cluster", "switchover", cluster.name, "--yes"], ["cluster", "failover-drill", cluster.name, "--yes"]):
            refused = agent.cli(*ask).is_(1)
            assert "no member has a picture" in refused.out + refused.err, (ask, refused)
        assert all(member.value("SELECT pg_is_in_recovery()") and setting.lacks(member, "bob") for member in cluster.members.values())
    finally:
        for wire in cluster.wires.values():
            wire.mend()
        cluster.forget_leader()
        cluster.wait_healthy()
    agent.wait_user("bob", seconds=60)
    assert created(setting) == ["alice", "bob"]
