"""The picture of database clusters in a real browser, over clusters that the tests make up."""

import json

import pytest

from agent import cluster_data, page_data
from agent.browser import Browser
from agent.test_page import HOSTILE, Page


@pytest.fixture(scope="module")
def browser():
    made = Browser()
    yield made
    made.close()


@pytest.fixture
def page(tmp_path, browser):
    browser.problems.clear()
    made = Page(tmp_path / "state", "-", "main", "other").tell(*page_data.HEALTHY)
    yield made
    browser.call("Page.navigate", url="about:blank")
    made.close()


def test_what_is_wrong_is_drawn_and_said_and_fits_a_narrow_window(browser, page):
    page.tell(cluster_data.said(cluster_data.CALM), cluster_data.said(cluster_data.TROUBLED | {"name": "shop"}, 1))
    browser.size(1280, 900)
    browser.open(page.url)
    browser.wait("document.querySelectorAll('.member').length === 6")
    desc = "document.querySelector('[data-cluster={}] desc').textContent"
    assert browser.run(desc.format("acid-minimal-cluster")) == (
        "acid-minimal-cluster-0 leads: running. acid-minimal-cluster-1, sync standby: streaming, nothing behind. "
        "acid-minimal-cluster-2, replica: streaming, replays 12 MiB behind.")
    said = browser.run(desc.format("shop"))
    for words in ("Nobody leads.", "no answer (said running), lag not known", "follows nobody"):
        assert words in said
    for words in ("there is no leader: nobody takes writes", "acid-minimal-cluster-2 runs and follows nobody", "no leader"):
        browser.wait_text(words)
    assert browser.run("document.querySelectorAll('[data-cluster=shop] .arrow:not(.none)').length") == 0
    browser.run("document.querySelectorAll('.cluster details').forEach((node) => { node.open = true; })")
    for colours in ("light", "dark"):
        browser.colours(colours)
        browser.size(360, 740)
        assert browser.run("document.documentElement.scrollWidth") <= 360
        assert browser.run("[...document.querySelectorAll('.member')].every((node) => node.getBoundingClientRect().right <= 360)")
    # A reading that fails takes nothing away, and is told.
    page.tell(cluster_data.said({"error": "the API server does not answer"}))
    browser.wait("Boolean(document.querySelector('[data-cluster=acid-minimal-cluster].stale'))")
    browser.wait_text("the API server does not answer")
    assert browser.run("document.querySelectorAll('[data-cluster=acid-minimal-cluster] .member').length") == 3
    assert browser.run("document.querySelector('.cluster details').open"), "it stays as the person left it"
    # Another view has no clusters, and comes back to them.
    browser.run("location.hash = '#/users'")
    browser.wait("!document.getElementById('clusters').checkVisibility()")
    browser.run("location.hash = '#/'")
    browser.wait("document.getElementById('clusters').checkVisibility()")
    assert browser.problems == []


def test_names_of_members_stay_text(browser, page):
    members = [cluster_data.member(attack + "acid", "replica" if i else "leader", state=attack, host=attack, tags={"replicatefrom": attack})
               for i, attack in enumerate(HOSTILE)]
    page.tell(cluster_data.said(cluster_data.cluster(*members, name=HOSTILE[0], namespace=HOSTILE[1], note=HOSTILE[2],
                                                     problems=[{"severity": "error", "text": attack} for attack in HOSTILE])))
    browser.size(1280, 900)
    browser.open(page.url)
    browser.wait(f"document.querySelectorAll('.member').length === {len(HOSTILE)}")
    assert browser.run("typeof hit") == "undefined"
    assert browser.run("document.querySelectorAll('main img, main script, main iframe, main svg svg').length") == 0
    assert browser.run("[...document.querySelectorAll('main *')].filter((node) => [...node.attributes].some((a) => a.name.startsWith('on'))).length") == 0
    shown = browser.run("document.getElementById('clusters').textContent")
    assert HOSTILE[0] in shown and not any(character in shown for character in "\x1b\x9b\u202e\u2066\u200b")
    assert json.dumps(browser.problems) == "[]"
