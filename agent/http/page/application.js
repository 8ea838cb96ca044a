/*
 * application.js - one Application: its objects, what differs, what was applied
 */
import {author, change, commit, count, duration, el, empty, link, pill, sources, table, when} from './dom.js';
import * as actions from './actions.js';
import {buttons, conditions, isRunning, running, statePills} from './overview.js';

const SHOWN = 200; /* rows; the command line has all */

const encode = encodeURIComponent;

function kindOf(item) {
	return el('span', null, item.kind, item.group && el('span.dim', null, ` ${item.group}`));
}

function nameOf(item) {
	return el('span.strong', null, item.namespace && el('span.dim', null, `${item.namespace}/`), item.name);
}

/* A hook is never compared: what is known of it is how it ended. */
function stateOf(item) {
	const word = item.hookType ? item.hookPhase : item.status;
	return word ? pill(word) : '';
}

function syncButton(application, item) {
	if (!actions.canAct() || item.hookType || item.status !== 'OutOfSync' || isRunning(application))
		return null;
	return el('button.button.quiet.small', {type: 'button', click: () => actions.syncObject(application.metadata.name, item)}, 'Sync');
}

function resources(application, list) {
	if (!list.items.length)
		return empty('No objects', 'Nothing of this Application was compared with a cluster yet.');
	const waves = list.items.some((item) => item.syncWave);
	const columns = [['Kind'], ['Name'], ['Sync'], ['Health'], waves && ['Wave', 'num'], ['Message', 'wide'], actions.canAct() && ['', 'act']];
	const hidden = list.items.length - SHOWN;
	return [table(columns.filter(Boolean), list.items.slice(0, SHOWN).map((item) => [
		[kindOf(item), item.hookType && el('span.chip', {title: `runs at ${item.hookType}`}, item.hookType)],
		nameOf(item), stateOf(item), item.health ? pill(item.health.status) : '',
		...(waves ? [item.hookType ? '' : String(item.syncWave || 0)] : []), item.message || '',
		...(actions.canAct() ? [syncButton(application, item)] : []),
	])), hidden > 0 && el('p.dim.more', null, `${hidden} more: pgitops app resources ${application.metadata.name}`)];
}

function difference(item) {
	const fields = item.fields || [];
	return el('article.card.diff', null,
		el('div.card-head', null, el('h3', null, kindOf(item), ' ', nameOf(item)), item.change && el('span.pill.warn', null, item.change)),
		item.reason && el('p.dim', null, item.reason),
		fields.length ? table([['Field'], ['Wanted and found', 'wide'], ['Changed by']], fields.map((field) => [
			el('code', null, field.path), change(text(field.wanted), text(field.found)), field.by || ''])) : null);
}

function text(value) {
	return value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
}

function diff(application, list) {
	if (!list.items.length)
		return empty('No differences', 'What is in the cluster is what the commit says.');
	return el('div.stack', null, list.items.map(difference));
}

function counts(item) {
	const parts = [[item.created, 'created'], [item.configured, 'configured'], [item.pruned, 'pruned'], [item.failed, 'failed']];
	return parts.filter(([number]) => number).map(([number, word]) => `${number} ${word}`).join(', ');
}

function revision(item, back) {
	const often = item.times > 1; /* then it began with the first of them */
	const took = item.started && item.finished && !often ? new Date(item.finished) - new Date(item.started) : null;
	return [
		item.id === null ? el('span.dim', {title: 'no deployment: there is no way back to it'}, '–') : String(item.id),
		[when(item.finished || item.started), took !== null && el('span.dim', null, ` took ${took < 1000 ? `${took} ms` : duration(took)}`),
			often && el('span.dim', null, ` ${item.times} times, first `), often && when(item.started)],
		[commit(item.commit), ' ', el('span.message', {title: item.message}, item.message.split('\n')[0]), ' ', author(item.author)],
		[pill(item.phase, item.text), el('span.dim', null, ` ${item.trigger}`)],
		item.phase === 'Succeeded' ? counts(item) || item.text || 'no change' : item.text,
		...(back ? [back(item)] : []),
	];
}

function isAutomated(application) {
	const policy = (application.spec.syncPolicy || {}).automated;
	return Boolean(policy) && policy.enabled !== false;
}

function history(application, list) {
	if (!list.items.length)
		return empty('No history', 'Nothing was applied yet.');
	const {name} = application.metadata;
	const current = list.items.find((item) => item.id !== null);
	const may = actions.canAct() && !isAutomated(application);
	const back = may ? (item) => item.id !== null && item !== current &&
		el('button.button.quiet.small', {type: 'button', click: () => actions.rollback(name, item)}, 'Roll back') : null;
	return [
		actions.canAct() && !may && el('p.note', null, 'This Application is synced automatically, which would undo a rollback: revert the commit in Git.'),
		table([['ID', 'num'], ['When'], ['Commit', 'wide'], ['Outcome'], ['What changed'], ...(back ? [['', 'act']] : [])],
			list.items.slice(0, SHOWN).map((item) => revision(item, back))),
	];
}

const TABS = [
	['resources', 'Objects', resources, (name) => `/api/v1/applications/${encode(name)}/resources`],
	['diff', 'Differences', diff, (name) => `/api/v1/applications/${encode(name)}/diff`],
	['history', 'History', history, (name) => `/api/v1/applications/${encode(name)}/history`],
];

function lastSync(application) {
	const state = (application.status || {}).operationState;
	if (!state || !state.finishedAt)
		return null;
	return [el('dt', null, 'Last sync'), el('dd', null, pill(state.phase), ' ', when(state.finishedAt || state.startedAt),
		state.message && el('p', null, state.message))];
}

function head(application) {
	const status = application.status || {};
	const policy = (application.spec.syncPolicy || {}).automated;
	const ways = isAutomated(application) ? ['automatic', policy.selfHeal && 'self-heal', policy.prune && 'prune'].filter(Boolean).join(', ') : 'by hand';
	return el('div.card', null,
		el('div.card-head', null, el('h1', null, application.metadata.name), statePills(application)),
		el('dl.facts.two', null,
			sources(application).map((source) => [
				el('dt', null, 'Source'), el('dd', null, link(source.repoURL), el('span.dim', null, ` ${source.path || source.ref || '.'}`)),
				el('dt', null, 'Revision'), el('dd', null, source.targetRevision || 'HEAD', ' ', commit(source.commit))]),
			el('dt', null, 'Goes to'), el('dd', null, (application.spec.destination || {}).namespace || 'as the manifests say'),
			el('dt', null, 'Sync policy'), el('dd', null, ways),
			el('dt', null, 'Compared'), el('dd', null, when(status.reconciledAt, 'not yet')),
			lastSync(application)),
		running(application), conditions(application), buttons(application));
}

/* #/applications/NAME/TAB */
export function applicationView(name, wanted) {
	const [tab, , render, path] = TABS.find(([id]) => id === wanted) || TABS[0];
	const own = `/api/v1/applications/${encode(name)}`;
	const extra = path(name);
	return {
		title: name,
		paths: () => [own, extra],
		render: (held) => {
			const application = held[own];
			const shown = ((application.status || {}).resources || []).length;
			return [
				el('p.crumbs', null, el('a', {href: '#/'}, 'Overview'), ' / ', name),
				head(application),
				el('nav.tabs', {'aria-label': 'Parts'}, TABS.map(([id, title]) =>
					el('a', {href: `#/applications/${encode(name)}/${id}`, 'aria-current': id === tab ? 'page' : null}, title,
						id === 'resources' && el('small', {title: count(shown, 'object')}, shown)))),
				render(application, held[extra]),
			];
		},
	};
}
