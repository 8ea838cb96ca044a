"""The status page in a real browser, over a store that the tests fill."""

import copy
import json
import re
import sqlite3
import subprocess

import pytest

from agent import page_data
from agent.browser import Browser
from parts import agent as agents
from parts.process import private

SERVER = agents.PROGRAM.parent / "tests/agent/page_server"
TOKEN = "0123456789abcdef-token"


class Page:
    """page_server.c: the HTTP server, and a line to it for each thing that happens in the store."""

    def __init__(self, folder, *more):
        assert SERVER.exists(), f"{SERVER} is not built: use tests/run.sh"
        self.folder = folder
        self.process = subprocess.Popen([SERVER, folder, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=agents.environment())
        self.url = "http://" + self.process.stdout.readline().strip()

    def tell(self, *items):
        for item in items:
            self.process.stdin.write(json.dumps(item) + "\n")
            self.process.stdin.flush()
            assert self.process.stdout.readline() == "ok\n", item
        return self

    def request(self, number):
        """The body of the action that became operation NUMBER."""
        with sqlite3.connect(f"file:{self.folder}/pgitops.db?mode=ro", uri=True) as store:
            return json.loads(store.execute("SELECT request FROM operation WHERE id = ?", [number]).fetchone()[0])

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0


@pytest.fixture(scope="module")
def chromium():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium):
    chromium.size(1280, 800)
    chromium.colours("light")
    chromium.requests.clear()
    chromium.problems.clear()
    return chromium


@pytest.fixture
def page(tmp_path, browser):
    made = Page(tmp_path / "state")
    yield made
    browser.call("Page.navigate", url="about:blank")  # before its server goes, which would be a problem of the next test
    made.close()


@pytest.fixture
def locked(tmp_path, browser):
    private(tmp_path / "token", TOKEN + "\n")
    made = Page(tmp_path / "state", tmp_path / "token").tell(*page_data.TROUBLED)
    yield made
    browser.call("Page.navigate", url="about:blank")
    made.close()


VIEWS = ["", "users", "drift", "changes", "applications/postgres-users", "applications/postgres-users/diff",
         "applications/postgres-users/history", "applications/shop", "changes/alice"]


def test_a_quiet_agent_says_so_in_one_sentence(browser, page):
    page.tell(*page_data.HEALTHY)
    browser.open(page.url)
    browser.wait_text("Everything is as Git says")
    browser.wait_text("Give the cluster a third instance")
    browser.wait("document.getElementById('live').textContent === 'Live'")
    assert browser.problems == []


def test_an_empty_store_says_what_to_do(browser, page):
    browser.open(page.url)
    browser.wait_text("Nothing to watch over yet")
    for view, words in (("users", "No users"), ("drift", "No drift"), ("changes", "No changes")):
        browser.open(f"{page.url}/#/{view}")
        browser.wait_text(words)
    assert browser.problems == []


def test_every_view_shows_what_the_store_holds(browser, page):
    page.tell(*page_data.TROUBLED, *page_data.RUNNING)
    expected = {
        "": ["2 things need attention", "connection to server at 10.0.0.7", "RepeatedResourceWarning", "Add heidi"],
        "users": ["user-dave-secret has no key password", "Retiring", "reporting", "app_read, app_write, postgres"],
        "drift": ["acid-main-cluster", "spec.numberOfInstances", "kubectl-edit", "<hidden>", "healed", "open"],
        "changes": ["ALTER ROLE \"erin\" NOLOGIN", "role \"billing\" does not exist"],
        "applications/postgres-users": ["user-dave-secret", "no key could decrypt secret", "automatic, self-heal, prune"],
        "applications/postgres-users/diff": ["metadata.labels.team", "platform"],
        "applications/postgres-users/history": ["Remove erin, she left", "Tomasz Król"],
        "applications/shop": ["Sync is running", "waiting for completion of hook", "PreSync", "Wave", "not in Git any more"],
        "changes/alice": ["CREATE ROLE \"alice\""],
    }
    for view in VIEWS:
        browser.open(f"{page.url}/#/{view}")
        for words in expected[view]:
            browser.wait_text(words)
    assert browser.problems == []
    assert {url for url in browser.requests if not url.startswith((page.url + "/", "about:"))} == set()


def test_a_narrow_window_never_scrolls_sideways(browser, page):
    page.tell(*page_data.TROUBLED, *page_data.RUNNING)
    browser.size(360, 740)
    for colours in ("light", "dark"):
        browser.colours(colours)
        for view in VIEWS:
            browser.open(f"{page.url}/#/{view}")
            assert browser.run("document.documentElement.scrollWidth") <= 360, view


def test_a_change_appears_by_itself(browser, page):
    page.tell(*page_data.HEALTHY)
    browser.open(page.url + "/#/users")
    browser.wait("document.getElementById('live').textContent === 'Live'")
    page.tell(page_data.user("newcomer", "Degraded", reason="the Secret is missing"))
    browser.wait_text("newcomer")
    browser.wait_text("the Secret is missing")
    assert browser.problems == []


def test_what_is_typed_stays_when_the_data_changes(browser, page):
    page.tell(*page_data.TROUBLED)
    browser.open(page.url + "/#/users")
    browser.type(".search", "bill")
    browser.wait("document.querySelectorAll('tbody tr').length === 2")
    page.tell(page_data.user("zoe", roles=["billing"]))
    browser.wait("document.querySelectorAll('tbody tr').length === 3")
    browser.call("Input.insertText", text="ing")
    browser.wait("document.querySelector('.search').value === 'billing'")
    assert browser.run("document.activeElement === document.querySelector('.search')")


def test_roles_that_are_not_managed_are_folded_with_their_count(browser, page):
    strangers = [{"name": name, "database": "main", "login": True, "superuser": name == "dba", "referenced": False, "reason": "made by somebody else"}
                 for name in ("dba", "etl")]
    page.tell(*page_data.HEALTHY)
    main = page_data.database("main", users=9, synced=9)
    main["document"]["unmanaged"] = {"count": 2, "items": strangers}
    page.tell(main)
    browser.open(page.url + "/#/users")
    browser.wait_text("2 unmanaged roles")
    assert not browser.run("document.querySelector('.unmanaged').open")
    browser.run("document.querySelector('.unmanaged summary').click()")
    browser.wait_text("made by somebody else")
    page.tell(page_data.user("newcomer"))
    browser.wait_text("newcomer")
    assert browser.run("document.querySelector('.unmanaged').open"), "it stays as the person left it"
    assert "login, superuser" in browser.run("document.querySelector('.unmanaged').innerText") and browser.problems == []


def test_thousands_of_users_are_drawn_in_part(browser, page):
    page.tell(*(page_data.user(f"user{number:04}", roles=["app_read"]) for number in range(1500)))
    browser.open(page.url + "/#/users")
    browser.wait_text("1300 more")
    assert browser.run("document.querySelectorAll('tbody tr').length") == 200
    browser.type(".search", "user1499")
    browser.wait("document.querySelectorAll('tbody tr').length === 1")


# ---- nothing foreign becomes more than text ----

HOSTILE = ["<img src=x onerror=hit()>", "<script>hit()</script>", "\"><svg onload=hit()>", "'-hit()-'", "{{hit()}}",
           "</script><script>hit()</script>", "javascript:hit()", "<a href=javascript:hit()>x</a>", "\u202egnp.exe", "\x1b[31m\x9b2J\u2066\u200b\U000e0041", "&lt;b&gt;&#x41;"]


def poison(value, attack):
    """The same data with the attack behind every string, where the page does not read the string as a word of its own."""
    kept = {"set", "name", "kind", "time", "started", "finished", "healed", "startedAt", "finishedAt", "reconciledAt",
            "lastTransitionTime", "database", "user", "application", "commit", "revision", "key"}
    if isinstance(value, dict):
        return {key: item if key in kept and isinstance(item, str) else poison(item, attack) for key, item in value.items()}
    if isinstance(value, list):
        return [poison(item, attack) for item in value]
    return attack + value if isinstance(value, str) else value


@pytest.mark.parametrize("attack", HOSTILE)
def test_markup_from_elsewhere_stays_text(browser, page, attack):
    hostile = poison(copy.deepcopy(page_data.TROUBLED + page_data.RUNNING), attack)
    for item in hostile:
        if item["set"] == "user":  # names and keys too, where PostgreSQL and Git take them
            item["name"] = item["document"]["name"] = attack + item["name"]
        if item["set"] == "application":
            item["document"]["spec"]["source"]["repoURL"] = attack
    page.tell(*hostile)
    for view in VIEWS[:-1]:
        browser.open(f"{page.url}/#/{view}")
        assert browser.run("typeof hit") == "undefined"
        found = browser.run("""({
            elements: document.querySelectorAll('main img, main script, main svg, main iframe, main object, main b').length,
            scripts: document.scripts.length,
            links: [...document.links].filter((link) => !['http:', 'https:'].includes(link.protocol)).length,
            handlers: [...document.querySelectorAll('main *')].filter((node) => [...node.attributes].some((a) => a.name.startsWith('on'))).length,
        })""")
        assert found == {"elements": 0, "scripts": 1, "links": 0, "handlers": 0}, view
        shown = re.sub("[\x1b\x9b\u200b\u202e\u2066\U000e0041]", lambda found: f"\\x{ord(found[0]):02x}" if ord(found[0]) < 256 else f"\\u{ord(found[0]):04x}", attack)
        assert shown in browser.run("document.body.textContent"), view
    assert browser.problems == []


@pytest.mark.parametrize("hash", ["#/%E0%A4%A", "#/applications/%3Cimg%20src=x%20onerror=hit()%3E", "#/nowhere/at/all", "#/applications/..%2f..",
                                  "#/changes/%22%3E%3Cscript%3Ehit()%3C/script%3E", "#//", "#/applications/postgres-users/nowhere"])
def test_no_address_puts_words_or_code_on_the_page(browser, page, hash):
    page.tell(*page_data.TROUBLED)
    browser.open(f"{page.url}/{hash}")
    assert browser.run("typeof hit") == "undefined"
    assert browser.run("document.querySelectorAll('main img, main script').length") == 0
    assert browser.text().strip()


def test_the_policy_stops_what_a_mistake_would_let_in(browser, page):
    browser.open(page.url)
    browser.run("""(() => {
        const script = document.createElement('script');
        script.textContent = 'window.hit = 1';
        document.body.append(script);
        const box = document.createElement('div');
        box.innerHTML = '<img src=x onerror="window.hit = 2"><p style="color: rgb(1, 2, 3)">x</p>';
        document.body.append(box);
    })()""")
    browser.wait("true")
    assert browser.run("window.hit") is None
    assert browser.run("getComputedStyle(document.querySelector('body > div > p')).color") != "rgb(1, 2, 3)"
    assert browser.run("fetch('http://127.0.0.1:9/').then(() => 'let out', () => 'stopped')") == "stopped"


# ---- acting ----

def test_without_a_token_file_there_is_nothing_to_press(browser, page):
    page.tell(*page_data.TROUBLED)
    browser.open(page.url)
    browser.wait_text("postgres-users")
    assert browser.run("[...document.querySelectorAll('main button')].length") == 0
    assert not browser.run("document.getElementById('sign-in').checkVisibility()")


def enter(browser, token):
    browser.click("Enter token", "main")
    browser.type("input[name=token]", token)
    browser.click("Use it")


def test_a_locked_agent_shows_nothing_until_the_token_is_given(browser, locked):
    browser.open(locked.url)
    browser.wait_text("This agent asks for its token")
    assert "postgres-users" not in browser.text()
    enter(browser, "wrong")
    browser.wait_text("the token is not the agent's")
    enter(browser, TOKEN)
    browser.wait_text("2 things need attention")
    browser.wait("document.getElementById('live').textContent === 'Live'")
    assert browser.run("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    assert TOKEN not in browser.run("document.documentElement.outerHTML")
    browser.open(locked.url)
    browser.wait_text("This agent asks for its token")


def asked(browser, number):
    browser.wait(f"performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('/operations/{number}'))")


def test_a_sync_is_asked_followed_and_reported(browser, locked):
    browser.open(locked.url)
    enter(browser, TOKEN)
    browser.click("Sync", "article[data-application=postgres-users]")
    browser.wait_text("Sync postgres-users")
    browser.run("document.querySelector('input[name=prune]').click()")
    browser.click("Sync", "dialog")
    browser.wait_text("Asked the agent")
    asked(browser, 1)
    locked.tell({"set": "finish", "id": 1, "message": "1 object configured, 12 unchanged"})
    browser.wait_text("Sync of postgres-users: Succeeded")
    browser.wait_text("1 object configured")


def test_a_plan_is_shown_with_its_statements_and_removals_wait_for_a_word(browser, locked):
    browser.open(locked.url + "/#/users")
    enter(browser, TOKEN)
    browser.click("Sync users", "main")
    browser.wait("[...document.querySelectorAll('select[name=database] option')].map((option) => option.value).join() === 'analytics,main'")
    browser.run("document.querySelector('select[name=database]').value = 'main'")
    browser.run("document.querySelector('input[name=dryRun]').click()")
    browser.click("Sync", "dialog")
    asked(browser, 1)
    item = {"database": "main", "confirm": "0f3a9c11d2e4b687", "blocked": True, "deletions": ["<b>erin</b>", "ivan"],
            "steps": [{"user": "alice", "action": "grant", "database": "", "statement": "GRANT \"<img src=x>\" TO \"alice\""}]}
    locked.tell({"set": "finish", "id": 1, "message": "1 statement; 2 users are left", "result": {"items": [item]}})
    browser.wait_text("Users of main: Succeeded")
    browser.wait_text("GRANT \"<img src=x>\" TO \"alice\"")
    browser.wait_text("<b>erin</b>, ivan")
    assert browser.run("document.querySelectorAll('dialog img, dialog b').length") == 0
    browser.click("Confirm the removals", "dialog")
    asked(browser, 2)
    locked.tell({"set": "finish", "id": 2, "message": "2 users removed"})
    browser.wait_text("2 users removed")


def test_a_failed_action_stays_on_the_screen_with_its_reason(browser, locked):
    browser.open(locked.url)
    enter(browser, TOKEN)
    browser.click("Refresh", "article[data-application=postgres-cluster]")
    asked(browser, 1)
    locked.tell({"set": "finish", "id": 1, "phase": "Failed", "message": "repository not found"})
    browser.wait_text("Refresh of postgres-cluster: Failed")
    browser.wait_text("repository not found")


# ---- operations ----

def buttons(browser, within="main"):
    return browser.run(f"[...document.querySelectorAll({json.dumps(within)} + ' button')].filter((node) => node.checkVisibility())"
                       ".map((node) => node.textContent.trim())")


def opened(browser, locked, view):
    """The view, with the token given."""
    browser.open(locked.url)
    enter(browser, TOKEN)
    browser.wait_text("Databases")
    browser.problems.clear()  # those before the token
    browser.run(f"location.hash = '#/{view}'")
    browser.wait("!document.querySelector('.loading') && Boolean(document.querySelector('.tabs'))")


def test_a_running_sync_says_what_it_waits_for_and_can_be_terminated(browser, locked):
    locked.tell(*page_data.RUNNING)
    opened(browser, locked, "applications/shop")
    for words in ("Sync is running", " min ago · by dana", "retried 1 time", "waiting for completion of hook batch/Job shop/migrate",
                  "PreSync", "1 pod is running"):
        browser.wait_text(words)
    assert buttons(browser, "main .card") == ["Refresh", "Terminate"]
    browser.click("Terminate", "main .card")
    browser.wait_text("Running hooks are deleted")
    browser.click("Terminate", "dialog")
    asked(browser, 1)
    locked.tell({"set": "finish", "id": 1, "message": "terminated"}, *page_data.ended(page_data.RUNNING))
    browser.wait_text("Termination of shop: Succeeded")
    browser.wait("!document.body.innerText.includes('Sync is running')")
    assert buttons(browser, "main .card") == ["Refresh", "Sync"]
    assert browser.problems == []


def test_a_rollback_names_its_deployment(browser, locked):
    locked.tell(*page_data.ended(page_data.RUNNING))
    opened(browser, locked, "applications/shop/history")
    browser.wait_text("Two replicas")
    cells = browser.run("[...document.querySelectorAll('tbody tr')].map((row) => row.cells[0].textContent + row.cells[5].textContent)")
    assert cells == ["–", "1", "0Roll back"]
    browser.click("Roll back", "main")
    browser.wait_text(f"Syncs commit {page_data.OLDER[:7]} (deployment 0) again")
    browser.run("document.querySelector('input[name=prune]').click()")
    browser.click("Roll back", "dialog")
    asked(browser, 1)
    assert locked.request(1) == {"id": 0, "prune": True}
    assert browser.problems == []


def test_where_a_rollback_would_be_undone_there_is_none(browser, locked):
    opened(browser, locked, "applications/postgres-cluster/history")
    browser.wait_text("revert the commit in Git")
    assert "Roll back" not in buttons(browser)
    assert browser.run("[...document.querySelectorAll('tbody tr')].map((row) => row.cells[0].textContent)") == ["7", "6"]


def test_one_object_is_synced_alone(browser, locked):
    locked.tell(*page_data.ended(page_data.RUNNING))
    opened(browser, locked, "applications/shop")
    browser.wait_text("settings")
    assert buttons(browser, "tbody") == ["Sync", "Sync"]
    browser.run("[...document.querySelectorAll('tbody tr')].find((row) => row.textContent.includes('old')).querySelector('button').click()")
    browser.run("document.querySelector('input[name=prune]').click()")
    browser.click("Sync", "dialog")
    asked(browser, 1)
    assert locked.request(1) == {"prune": True, "resources": [{"kind": "ConfigMap", "namespace": "shop", "name": "old"}]}


def test_a_sync_takes_a_revision_and_the_rarer_choices(browser, locked):
    locked.tell(*page_data.ended(page_data.RUNNING))
    opened(browser, locked, "applications/shop")
    browser.click("Sync", "main .card")
    browser.run("document.querySelector('dialog details').open = true")
    browser.type("input[name=revision]", " v1.4 ")
    for name in ("force", "applyOnly"):
        browser.run(f"document.querySelector('input[name={name}]').click()")
    browser.click("Sync", "dialog")
    asked(browser, 1)
    assert locked.request(1) == {"revision": "v1.4", "force": True, "applyOnly": True}


# ---- who may do what ----

def ask_access(browser, page, answer, **fields):
    browser.open(page.url + "/#/access")
    browser.wait_text("Who may do what")
    for name, value in fields.items():
        browser.type(f'[data-keep="access-{name}"]', value)
    browser.click("Ask", within="main")
    browser.wait_text("Asking the database")
    page.tell({"set": "finish", "id": 1, "result": answer})


def test_who_may_do_what_is_asked_once_and_shown_with_its_ways(browser, page):
    page.tell(*page_data.TROUBLED)
    ask_access(browser, page, page_data.ACCESS, table="public.orders", database="app")
    for words in ("app_write > writers", "SET ROLE analyst", "users.yaml:12", "by hand", "INSERT, UPDATE", "SELECT*", "without effect",
                  "needs USAGE on schema public", "row security says which rows", "and 2 more ways", "superuser", "PUBLIC"):
        browser.wait_text(words)
    assert page.request(1) == {"database": "app", "table": "public.orders", "groups": False}
    page.tell(page_data.user("newcomer", "Degraded"))  # what changes in the store asks nothing anew
    browser.open(page.url + "/#/users")
    browser.wait_text("newcomer")
    with sqlite3.connect(f"file:{page.folder}/pgitops.db?mode=ro", uri=True) as store:
        assert store.execute("SELECT count(*) FROM operation").fetchone()[0] == 1
    assert browser.problems == []


def test_an_answer_about_access_fits_a_narrow_window(browser, page):
    page.tell(*page_data.TROUBLED)
    browser.size(360, 740)
    ask_access(browser, page, page_data.ACCESS, user="alice")
    browser.wait_text("and 2 more ways")
    assert browser.run("document.documentElement.scrollWidth") <= 360


def test_a_question_about_access_that_has_no_answer_says_why(browser, page):
    browser.open(page.url + "/#/access")
    browser.type('[data-keep="access-user"]', "alise")
    browser.click("Ask", within="main")
    browser.wait_text("Asking the database")
    page.tell({"set": "finish", "id": 1, "phase": "Failed", "message": 'there is no role "alise", did you mean "alice"?'})
    browser.wait_text('did you mean "alice"?')


@pytest.mark.parametrize("attack", HOSTILE)
def test_names_in_an_answer_about_access_stay_text(browser, page, attack):
    answer = copy.deepcopy(page_data.ACCESS)
    answer["notes"] = [attack]
    for item in answer["items"]:
        for key in ("user", "database", "object", "hand", "needs", "means", "file"):
            item[key] = attack + item.get(key, "")
        item["via"] = [attack, *item["via"]]
    ask_access(browser, page, answer)
    browser.wait("document.querySelectorAll('tbody tr').length > 3")
    assert browser.run("typeof hit") == "undefined"
    assert browser.run("document.querySelectorAll('main img, main script, main svg').length") == 0
    assert browser.run("[...document.links].filter((link) => !['http:', 'https:'].includes(link.protocol)).length") == 0
