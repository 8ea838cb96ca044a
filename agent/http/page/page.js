/*
 * page.js - the status page: which view the address names, its data, and keeping it current
 *
 * A view is {title, paths(held), render(held, redraw)}: the API paths it needs and the nodes it makes of their answers. It is drawn
 * again when an answer changed, so a quiet agent never disturbs somebody who reads or selects.
 */
import {el, fill, tick, when} from './dom.js';
import * as agent from './agent.js';
import * as actions from './actions.js';
import {overview} from './overview.js';
import {applicationView} from './application.js';
import {changesView, drift, users} from './people.js';
import {accessView} from './access.js';
import * as clusters from './clusters.js';

const VIEWS = [['', overview], ['users', users], ['access', accessView()], ['drift', drift], ['changes', changesView()]];

const main = document.getElementById('main');
const body = document.getElementById('view');
let view = overview;
let held = {};
let loading = false;
let again = false;

function viewNamed(hash) {
	const [noun = '', name, part] = hash.replace(/^#\/?/, '').split('/').map((word) => {
		try {
			return decodeURIComponent(word);
		} catch {
			return '';
		}
	});
	if (noun === 'applications' && name)
		return applicationView(name, part);
	if (noun === 'access' && name)
		return accessView(name);
	if (noun === 'changes' && name)
		return changesView(name);
	return (VIEWS.find(([id]) => id === noun) || VIEWS[0])[1];
}

/* ---- drawing ---- */

function drawNav() {
	fill(document.getElementById('nav'), VIEWS.map(([id, item]) =>
		el('a', {href: `#/${id}`, 'aria-current': item.title === view.title ? 'page' : null}, item.title)));
	document.title = view === overview ? 'pgitops' : `${view.title} · pgitops`;
}

/* What is being typed into goes on being typed into. */
function keepFocus(draw) {
	const active = document.activeElement;
	const keep = active && active.dataset ? active.dataset.keep : null;
	const place = keep ? active.selectionStart : 0;
	draw();
	const next = keep && document.querySelector(`[data-keep="${CSS.escape(keep)}"]`);
	if (next) {
		next.focus();
		next.setSelectionRange(place, place);
	}
}

function draw() {
	const ready = view.paths(held).every((path) => path in held);
	if (ready)
		keepFocus(() => fill(body, view.render(held, draw)));
}

function drawAbout(access, status) {
	const about = status ? status.agent : {};
	fill(document.getElementById('about'), `pgitops ${about.version || access.version}`,
		about.started && [' · started ', when(about.started)], about.cluster && ` · ${about.cluster}`);
	document.getElementById('sign-in').hidden = access.actions !== 'token' || agent.hasToken();
	actions.setAllowed(access.actions);
}

function drawFailure(error) {
	if (error.status === 401) {
		fill(body, el('div.gate', null, el('h1', null, 'This agent asks for its token'), el('p.dim', null, error.message),
			el('button.button.primary', {type: 'button', click: () => actions.signIn(start)}, 'Enter token')));
		document.getElementById('sign-in').hidden = true;
	} else {
		fill(body, el('div.gate', null, el('h1', null, error.status === 404 ? 'This is not here' : 'No answer from the agent'),
			el('p.dim', null, error.message), error.status === 404 && el('a', {href: '#/'}, 'Back to the overview')));
	}
}

/* ---- loading ---- */

async function loadPaths(paths) {
	const answers = await Promise.all(paths.map((path) => agent.get(path)));
	let changed = false;
	answers.forEach((answer, i) => {
		changed = changed || answer.changed || held[paths[i]] !== answer.value;
		held[paths[i]] = answer.value;
	});
	return changed;
}

/* A view may need more once it knows the first answers: the overview asks for the history of each Application. */
async function loadView(wanted) {
	let changed = await loadPaths(wanted.paths(held));
	const rest = wanted.paths(held).filter((path) => !(path in held));
	if (rest.length)
		changed = await loadPaths(rest) || changed;
	return changed;
}

async function load(force) {
	const wanted = view;
	try {
		const {value: access} = await agent.get('/api/v1/access');
		lookAtClusters();
		drawAbout(access, held['/api/v1/status']);
		const changed = await loadView(wanted);
		if (view !== wanted)
			return;
		if (changed || force || body.querySelector('.loading, .gate'))
			draw();
		drawAbout(access, held['/api/v1/status']);
	} catch (error) {
		if (view === wanted && (error instanceof agent.Refused || !body.firstElementChild || body.querySelector('.loading')))
			drawFailure(error);
	}
}

/* Clusters move by themselves, and the agent asks them only while somebody looks: so they are asked for apart from all else. */
let looking = false;

async function lookAtClusters() {
	if (looking || view !== overview || document.hidden)
		return;
	looking = true;
	try {
		const {value, changed} = await agent.get('/api/v1/clusters');
		if (changed)
			clusters.show(value.items);
	} catch {
		/* the rest of the page says what is wrong */
	}
	looking = false;
}

/* One load at a time; what is asked for meanwhile is one more. */
async function refresh(force) {
	if (loading) {
		again = true;
		return;
	}
	loading = true;
	do {
		again = false;
		await load(force);
	} while (again);
	loading = false;
}

function start() {
	held = {};
	clusters.show([]);
	refresh(true);
}

function go() {
	view = viewNamed(location.hash);
	clusters.hide(view !== overview);
	drawNav();
	const ready = view.paths(held).every((path) => path in held);
	if (ready)
		draw();
	else
		fill(body, el('p.loading', null, 'Loading'));
	main.focus({preventScroll: true});
	window.scrollTo(0, 0);
	refresh(true);
}

const STATES = {
	live: ['good', 'Live', 'changes appear by themselves'],
	polling: ['warn', 'Polling', `asks again every few seconds: all places for listeners are taken`],
	away: ['bad', 'Disconnected', 'the agent does not answer; trying again'],
	token: ['dim', 'Locked', 'the agent asks for its token'],
};

function showState(state) {
	const [tone, word, title] = STATES[state];
	const node = document.getElementById('live');
	node.className = `live ${tone}`;
	node.title = title;
	node.textContent = word;
}

document.getElementById('sign-in').addEventListener('click', () => actions.signIn(start));
window.addEventListener('hashchange', go);
setInterval(tick, 5000);
setInterval(() => clusters.any() && lookAtClusters(), 1000);
go();
agent.follow(() => refresh(false), showState);
