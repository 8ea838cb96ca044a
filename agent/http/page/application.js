/*
 * application.js - one Application: its objects, what differs, what was applied
 */
import {author, change, commit, count, duration, el, empty, link, pill, table, when} from './dom.js';
import {buttons, conditions, statePills} from './overview.js';

const encode = encodeURIComponent;

function kindOf(item) {
	return el('span', null, item.kind, item.group && el('span.dim', null, ` ${item.group}`));
}

function nameOf(item) {
	return el('span.strong', null, item.namespace && el('span.dim', null, `${item.namespace}/`), item.name);
}

function resources(application) {
	const list = (application.status || {}).resources || [];
	const results = (((application.status || {}).operationState || {}).syncResult || {}).resources || [];
	const messages = new Map(results.map((item) => [`${item.group || ''}/${item.kind}/${item.namespace || ''}/${item.name}`, item.message]));
	if (!list.length)
		return empty('No objects', 'Nothing of this Application was compared with a cluster yet.');
	return table([['Kind'], ['Name'], ['Sync'], ['Health'], ['Message', 'wide']], list.map((item) => [
		kindOf(item), nameOf(item), item.status ? pill(item.status) : '', item.health ? pill(item.health.status) : '',
		(item.health || {}).message || messages.get(`${item.group || ''}/${item.kind}/${item.namespace || ''}/${item.name}`) || '',
	]));
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

function revision(item) {
	const took = item.started && item.finished ? new Date(item.finished) - new Date(item.started) : null;
	return [
		[when(item.finished || item.started), took !== null && el('span.dim', null, ` took ${took < 1000 ? `${took} ms` : duration(took)}`)],
		[commit(item.commit), ' ', el('span.message', {title: item.message}, item.message.split('\n')[0]), ' ', author(item.author)],
		[pill(item.phase, item.text), el('span.dim', null, ` ${item.trigger}`)],
		item.phase === 'Succeeded' ? counts(item) || item.text || 'no change' : item.text,
	];
}

function history(application, list) {
	if (!list.items.length)
		return empty('No history', 'Nothing was applied yet.');
	return table([['When'], ['Commit', 'wide'], ['Outcome'], ['What changed']], list.items.slice(0, 200).map(revision));
}

const TABS = [
	['resources', 'Objects', resources, null],
	['diff', 'Differences', diff, (name) => `/api/v1/applications/${encode(name)}/diff`],
	['history', 'History', history, (name) => `/api/v1/applications/${encode(name)}/history`],
];

function operation(application) {
	const state = (application.status || {}).operationState;
	if (!state)
		return null;
	return [el('dt', null, 'Last sync'), el('dd', null, pill(state.phase), ' ', when(state.finishedAt || state.startedAt),
		state.message && el('p', null, state.message))];
}

function head(application) {
	const source = application.spec.source || {};
	const status = application.status || {};
	const policy = (application.spec.syncPolicy || {}).automated;
	const ways = policy ? ['automatic', policy.selfHeal && 'self-heal', policy.prune && 'prune'].filter(Boolean).join(', ') : 'by hand';
	return el('div.card', null,
		el('div.card-head', null, el('h1', null, application.metadata.name), statePills(application)),
		el('dl.facts.two', null,
			el('dt', null, 'Source'), el('dd', null, link(source.repoURL), el('span.dim', null, ` ${source.path || '.'}`)),
			el('dt', null, 'Revision'), el('dd', null, source.targetRevision || 'HEAD', ' ', commit((status.sync || {}).revision)),
			el('dt', null, 'Goes to'), el('dd', null, (application.spec.destination || {}).namespace || 'as the manifests say'),
			el('dt', null, 'Sync policy'), el('dd', null, ways),
			el('dt', null, 'Compared'), el('dd', null, when(status.reconciledAt, 'not yet')),
			operation(application)),
		conditions(application), buttons(application.metadata.name));
}

/* #/applications/NAME/TAB */
export function applicationView(name, wanted) {
	const [tab, , render, path] = TABS.find(([id]) => id === wanted) || TABS[0];
	const own = `/api/v1/applications/${encode(name)}`;
	const extra = path ? path(name) : null;
	return {
		title: name,
		paths: () => [own, ...(extra ? [extra] : [])],
		render: (held) => {
			const application = held[own];
			const shown = ((application.status || {}).resources || []).length;
			return [
				el('p.crumbs', null, el('a', {href: '#/'}, 'Overview'), ' / ', name),
				head(application),
				el('nav.tabs', {'aria-label': 'Parts'}, TABS.map(([id, title]) =>
					el('a', {href: `#/applications/${encode(name)}/${id}`, 'aria-current': id === tab ? 'page' : null}, title,
						id === 'resources' && el('small', {title: count(shown, 'object')}, shown)))),
				render(application, extra ? held[extra] : null),
			];
		},
	};
}
