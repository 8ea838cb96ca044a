"""Settings of users: ALTER ROLE ... SET, everywhere and in one database."""

import json

import pytest

from parts.roles import Users, catalog

ALL = pytest.mark.parametrize("server", [13, 14, 15, 16, 17, 18], indirect=True)
SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)


@pytest.fixture
def users(server):
    made = Users(server)
    for name in ("alice", "bob", 'odd "one"'):
        made.secret(name, "geheim")
    server.run("CREATE DATABASE shop")
    return made


def listed(*entries, **defaults):
    document = {"version": 2, "users": [{"username": "alice"} | entry for entry in entries]}
    return json.dumps(document | ({"defaults": defaults} if defaults else {}))


def settings(server, user="alice"):
    return sorted((database or "", item) for database, item in server.query(
        "SELECT d.datname, unnest(setconfig) FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = setdatabase"
        " WHERE setrole = (SELECT oid FROM pg_roles WHERE rolname = %s)", [user]))


@ALL
def test_settings_are_what_users_yaml_lists_and_a_second_pass_is_quiet(server, users):
    entry = {"parameters": {"search_path": ["$user", "public", "Odd,\"one\"", ""], "statement_timeout": "30s", "Work_Mem": "64MB",
                            "enable_seqscan": False, "random_page_cost": 1.5, "TIMEZONE": "UTC", "DateStyle": ["ISO", "DMY"], "vacuum_cost_delay": "1ms",
                            "app.greeting": "it's\n50% \\ \"good\"", "temp_tablespaces": [], "application_name": ""},
             "parametersIn": {"shop": {"work_mem": "1MB", "search_path": "shop"}}}
    users.apply(listed(entry)).good()
    before = catalog(server) + [settings(server)]
    users.apply(listed(entry)).quiet()
    assert catalog(server) + [settings(server)] == before
    found = dict(item.split("=", 1) for database, item in settings(server) if not database)
    assert found["search_path"] == '"$user", public, "Odd,""one""", ""' and found["DateStyle"] == "ISO, DMY"
    assert found["app.greeting"] == entry["parameters"]["app.greeting"] and found["work_mem"] == "64MB"
    assert [item for item in settings(server) if item[0]] == [("shop", "search_path=shop"), ("shop", "work_mem=1MB")]
    connection = server.connect(user="alice", password="geheim", database="shop")
    assert connection.execute("SHOW work_mem").fetchall() == [("1MB",)] and connection.execute("SHOW statement_timeout").fetchall() == [("30s",)]
    connection.close()


@ALL
def test_what_a_hand_changes_is_healed_and_names_in_a_list_are_compared_as_names(server, users):
    wanted = listed({"parameters": {"search_path": ["$user", "public"], "work_mem": "64MB"}})
    users.apply(wanted).good()
    connection = server.connect()
    connection.execute("SELECT set_config('search_path', '\"$user\",   PUBLIC', false)")
    connection.execute("ALTER ROLE alice SET search_path FROM CURRENT")
    connection.close()
    users.apply(wanted).quiet()
    server.run("ALTER ROLE alice SET search_path = '\"$user\", public'", "ALTER ROLE alice RESET work_mem",
               "ALTER ROLE alice IN DATABASE shop SET work_mem = '1GB'")
    result = users.apply(wanted)
    assert result.fields("alice")["parameter:search_path"] == ('"$user", "public"', '"""$user"", public"')
    assert result.fields("alice")["parameter:work_mem"] == ("64MB", "")
    assert settings(server) == [("", 'search_path="$user", public'), ("", "work_mem=64MB"), ("shop", "work_mem=1GB")]


@ALL
def test_what_the_server_does_not_take_is_told_and_holds_up_nothing_else(server, users):
    wanted = listed({"parameters": {"no_such_thing": "1", "work_mem": "much", "statement_timeout": "1min", "shared_buffers": "1GB"},
                     "parametersIn": {"nowhere": {"work_mem": "1MB"}}, "roles": ["staff"]},
                    {"username": 'odd "one"', "parameters": {"work_mem": "2MB"}})
    result = users.apply(wanted)
    assert result.status("alice") == "Degraded" and result.status('odd "one"') == "Synced"
    for words in ("no_such_thing", 'invalid value for parameter "work_mem"', "shared_buffers", 'database "nowhere" does not exist'):
        assert words in result.reason("alice"), words
    assert settings(server) == [("", "statement_timeout=1min")] and settings(server, 'odd "one"') == [("", "work_mem=2MB")]


@SOME
def test_settings_that_are_not_listed_are_told_where_any_are_and_left_unless_asked(server, users):
    wanted = listed({"parameters": {"work_mem": "64MB"}}, {"username": "bob"})
    users.apply(wanted).good()
    for name in ("alice", "bob"):
        server.run(f"ALTER ROLE {name} SET app.secret = 'sesame'", f"ALTER ROLE {name} IN DATABASE shop SET work_mem = '1GB'")
    before = catalog(server)
    result = users.apply(wanted)
    assert result.status("bob") == "Synced" and result.status("alice") == "Drifted" and result.steps == []
    assert result.fields("alice") == {"parameter:app.secret": ("", "<hidden>"), "parameter:work_mem in shop": ("", "1GB")}
    assert "resetUnlistedParameters" in result.reason("alice") and "sesame" not in result.output and catalog(server) == before
    asked = listed({"parameters": {"work_mem": "64MB"}}, {"username": "bob"}, resetUnlistedParameters=True)
    users.apply(asked).good()
    users.apply(asked).quiet()
    assert settings(server) == [("", "work_mem=64MB")] and settings(server, "bob") == []


@SOME
def test_an_old_list_says_nothing_of_settings(server, users):
    users.apply([{"username": "alice"}]).good()
    server.run("ALTER ROLE alice SET work_mem = '1GB'")
    users.apply([{"username": "alice"}]).quiet()
    assert settings(server) == [("", "work_mem=1GB")]


def test_what_leads_to_power_is_refused_unless_the_agent_file_allows_it(server, users):
    names = ("role", "Session_Authorization", "session_replication_role", "local_preload_libraries", "session_preload_libraries",
             "dynamic_library_path", "plperl.on_plperl_init", "pgaudit.log", "zero_damaged_pages",
             "log_statement", "LOG_min_messages", "log_min_error_statement", "track_activities", "pg_stat_statements.track", "auto_explain.log_min_duration",
             "compute_query_id", "max_stack_depth")
    for name in names:
        mistakes = users.check(listed({"parameters": {name: "x"}})).mistakes
        assert len(mistakes) == 1 and "policy.allowParameters" in mistakes[0] and name in mistakes[0], mistakes
    allowed = {"policy": {"parameters": ["session_replication_*"]}}
    users.apply(listed({"parameters": {"session_replication_role": "replica"}}), **allowed).good()
    assert users.check(listed({"parameters": {"role": "postgres"}}), **allowed).mistakes


def test_ten_settings_cost_no_query_more(server, users):
    users.apply(listed({})).good()
    statements = users.apply(listed({})).quiet().statements
    ten = listed({"parameters": {f"app.p{number}": str(number) for number in range(10)}})
    users.apply(ten).good()
    assert users.apply(ten).quiet().statements == statements
