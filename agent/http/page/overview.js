/*
 * overview.js - the first view: is everything as Git says, and if not, what is it?
 */
import {author, commit, count, el, empty, link, pill, section, sources, tone, when} from './dom.js';
import * as actions from './actions.js';

const HISTORY_OF = 20; /* applications whose newest commit is asked for to be shown on their card */

const encode = encodeURIComponent;

/* ---- the verdict ---- */

function figure(title, kind, number, text, href) {
	return el(`${href ? 'a' : 'div'}.tile.${kind}`, {href}, el('span.tile-title', null, title),
		el('span.tile-number', null, number), el('span.tile-text', null, text));
}

function share(title, good, all, href) {
	const number = [String(good), el('small', null, ` / ${all}`)];
	if (!all)
		return figure(title, 'dim', number, 'none yet', href);
	if (good === all)
		return figure(title, 'good', number, 'all in order', href);
	return figure(title, 'warn', number, `${count(all - good, 'needs', 'need')} attention`, href);
}

function tiles(status) {
	const applications = status.applications.filter((item) => item.sync === 'Synced' && (item.health === 'Healthy' || item.health === 'Unknown'));
	const databases = status.databases.filter((item) => item.status === 'Connected');
	const synced = (status.users.byStatus || {}).Synced || 0;
	const {open} = status.drift;
	return el('div.tiles', null,
		share('Applications', applications.length, status.applications.length),
		share('Databases', databases.length, status.databases.length),
		share('Users', synced, status.users.total, '#/users'),
		figure('Open drift', open ? 'warn' : 'good', open, open ? 'not set back yet' : 'nothing changed by hand', '#/drift'));
}

function hrefOf(error) {
	return error.where === 'application' ? `#/applications/${encode(error.name)}` : '#/users';
}

function problems(errors) {
	return el('ul.problems', null, errors.map((error) => el('li', null,
		el('a', {href: hrefOf(error)}, error.name), ' ', el('span.dim', null, error.type), ' ', when(error.time),
		el('p', null, error.message))));
}

function waits(status) {
	const states = status.applications.flatMap((item) => [item.sync, item.health, item.operation]);
	return states.some((state) => tone(state) === 'busy') || status.databases.some((item) => item.status === 'Waiting');
}

function verdict(status) {
	if (status.errors.length)
		return el('div.verdict.bad', null, el('h1', null, `${count(status.errors.length, 'thing needs', 'things need')} attention`),
			problems(status.errors));
	const off = status.applications.filter((item) => item.sync !== 'Synced' || tone(item.health) === 'bad').length +
		(status.users.total - ((status.users.byStatus || {}).Synced || 0)) + status.drift.open;
	if (waits(status))
		return el('div.verdict.busy', null, el('h1', null, 'Work is under way'));
	if (off)
		return el('div.verdict.warn', null, el('h1', null, 'Not everything is as Git says'));
	if (!status.applications.length)
		return el('div.verdict.dim', null, el('h1', null, 'Nothing to watch over yet'),
			el('p', null, 'Add an Application manifest to the agent’s folder or to its namespace in the cluster.'));
	return el('div.verdict.good', null, el('h1', null, 'Everything is as Git says'));
}

/* ---- applications ---- */

export function statePills(application) {
	const status = application.status || {};
	const operation = (status.operationState || {}).phase;
	return el('span.pills', null, pill((status.sync || {}).status), pill((status.health || {}).status, (status.health || {}).message),
		operation && operation !== 'Succeeded' && pill(operation, status.operationState.message));
}

export function isRunning(application) {
	return ['Running', 'Terminating'].includes(((application.status || {}).operationState || {}).phase);
}

/* While a sync runs it can only be ended; the next one would wait for it. */
export function buttons(application) {
	const {name} = application.metadata;
	if (!actions.canAct())
		return null;
	return el('span.buttons', null,
		el('button.button.quiet', {type: 'button', click: () => actions.refresh(name)}, 'Refresh'),
		isRunning(application)
			? el('button.button.danger', {type: 'button', click: () => actions.terminate(name)}, 'Terminate')
			: el('button.button', {type: 'button', click: () => actions.sync(name)}, 'Sync'));
}

/* Who asked for it, since when it goes on, and what it waits for. */
export function running(application) {
	if (!isRunning(application))
		return null;
	const state = application.status.operationState;
	const by = ((state.operation || {}).initiatedBy || {});
	return el('div.callout.busy', null, el('strong', null, state.phase === 'Running' ? 'Sync is running' : 'Sync is being terminated'),
		' ', when(state.startedAt), el('span.dim', null, by.automated ? ' · automatic' : by.username && ` · by ${by.username}`,
			state.retryCount ? ` · retried ${count(state.retryCount, 'time')}` : ''),
		state.message && el('p', null, state.message));
}

export function conditions(application) {
	const list = (application.status || {}).conditions || [];
	return list.map((item) => el(`div.callout.${/Error$/.test(item.type) ? 'bad' : 'warn'}`, null,
		el('strong', null, item.type), ' ', when(item.lastTransitionTime), el('p', null, item.message)));
}

function newest(history) {
	const revision = history && history.items[0];
	if (!revision)
		return el('p.card-commit.dim', null, 'nothing was applied yet');
	return el('p.card-commit', null, commit(revision.commit), ' ', el('span.message', {title: revision.message}, revision.message.split('\n')[0]),
		' ', author(revision.author), el('span.dim', null, ' · ', when(revision.finished || revision.started)));
}

function card(application, history) {
	const name = application.metadata.name;
	const resources = (application.status || {}).resources || [];
	return el('article.card', {'data-application': name},
		el('div.card-head', null, el('h3', null, el('a', {href: `#/applications/${encode(name)}`}, name)), statePills(application)),
		newest(history),
		el('dl.facts', null,
			sources(application).map((source) => [el('dt', null, 'Source'), el('dd', null, link(source.repoURL),
				el('span.dim', null, ` ${source.path || source.ref || '.'}\u00a0@\u00a0${source.targetRevision || 'HEAD'}`))]),
			el('dt', null, 'Goes to'), el('dd', null, (application.spec.destination || {}).namespace || 'as the manifests say', el('span.dim', null, ` ${count(resources.length, 'object')}`)),
			el('dt', null, 'Compared'), el('dd', null, when((application.status || {}).reconciledAt, 'not yet'))),
		running(application), conditions(application), buttons(application));
}

/* ---- databases ---- */

function version(number) {
	const text = String(number || '');
	return /^\d{6}$/.test(text) ? `${Math.floor(number / 10000)}.${number % 10000}` : text;
}

function database(item) {
	const known = item.users > 0 || item.status === 'Connected';
	return el('article.card', {'data-database': item.name},
		el('div.card-head', null, el('h3', null, item.name), el('span.pills', null, pill(item.status))),
		[item.reason, ...(item.warnings || [])].filter(Boolean).map((text) => el('div.callout.warn', null, el('p', null, text))),
		el('dl.facts', null,
			el('dt', null, 'Server'), el('dd', null, item.serverVersion ? `PostgreSQL ${version(item.serverVersion)}` : 'not seen yet'),
			el('dt', null, 'Users'), el('dd', null, known ? `${item.synced} of ${item.users} in order` : 'not read yet',
				el('span.dim', null, item.application ? ` from ${item.application}` : '')),
			el('dt', null, 'Last pass'), el('dd', null, when(item.lastPass, 'none yet'), ' ', commit(item.commit))));
}

export const overview = {
	title: 'Overview',
	paths: (held) => {
		const list = held['/api/v1/applications'];
		const items = list ? list.items.slice(0, HISTORY_OF) : [];
		return ['/api/v1/status', '/api/v1/applications', '/api/v1/databases',
			...items.map((item) => `/api/v1/applications/${encode(item.metadata.name)}/history`)];
	},
	render: (held) => {
		const list = held['/api/v1/applications'].items;
		const databases = held['/api/v1/databases'].items;
		return [
			verdict(held['/api/v1/status']), tiles(held['/api/v1/status']),
			section('Applications', null, list.length
				? el('div.cards', null, list.map((item) => card(item, held[`/api/v1/applications/${encode(item.metadata.name)}/history`])))
				: empty('No Applications', 'The agent reads them from its folder or from its namespace in the cluster.')),
			section('Databases', null, databases.length
				? el('div.cards', null, databases.map(database))
				: empty('No databases', 'Name one in the agent file under databases.')),
		];
	},
};
