/*
 * people.js - users, drift, and the changes made to roles
 */
import {change, commit, el, empty, pill, section, table, when} from './dom.js';
import * as actions from './actions.js';

const ROWS = 200; /* drawn at once: a browser slows down long before the agent does */

/* What the person typed or chose stays while the data under it changes. */
const chosen = {text: '', status: '', unmanaged: false};

function more(all) {
	return all > ROWS ? el('p.dim.more', null, `${all - ROWS} more: narrow the search to see them, or use the command line`) : null;
}

/* ---- users ---- */

/* Who needs attention stands first. */
const ORDER = ['Degraded', 'Refused', 'Drifted', 'Retiring'];

function rank(user) {
	const place = ORDER.indexOf(user.status);
	return place < 0 ? ORDER.length : place;
}

function details(user) {
	const differences = user.differences || [];
	if (!differences.length && !user.reason)
		return '';
	return el('div.details', null, user.reason && el('p', null, user.reason),
		differences.map((item) => el('p', null, el('code', null, item.field), ' ', change(item.wanted, item.found))));
}

function userRow(user) {
	const last = user.lastChange || {};
	return [
		el('a.strong', {href: `#/changes/${encodeURIComponent(user.name)}`, title: 'Changes to this role'}, user.name), user.database,
		pill(user.status),
		(user.roles || []).length ? el('span.chips', null, user.roles.map((role) => el('span.chip', null, role))) : '',
		details(user), [when(last.time), ' ', commit(last.commit)],
	];
}

function matches(user) {
	const words = [user.name, user.database, ...(user.roles || [])].join(' ').toLowerCase();
	return (!chosen.status || user.status === chosen.status) && words.includes(chosen.text.toLowerCase());
}

function userTable(items) {
	const shown = items.filter(matches).sort((a, b) => rank(a) - rank(b)); /* stable: by database and name within */
	if (!shown.length)
		return empty('No user matches', 'Another word or another status may.');
	return [table([['User'], ['Database'], ['Status'], ['Roles', 'roles'], ['Details', 'wide'], ['Last change', 'line']], shown.slice(0, ROWS).map(userRow)), more(shown.length)];
}

function filters(items, redraw) {
	const counts = new Map();
	items.forEach((user) => counts.set(user.status, (counts.get(user.status) || 0) + 1));
	const choose = (status) => () => {
		chosen.status = chosen.status === status ? '' : status;
		redraw();
	};
	const search = el('input.search', {type: 'search', placeholder: 'Find a user, role or database', 'aria-label': 'Find',
		'data-keep': 'search', input: (event) => {
			chosen.text = event.target.value;
			redraw();
		}});
	search.value = chosen.text;
	return el('div.filters', null, search, [...counts].map(([status, number]) =>
		el('button.filter', {type: 'button', 'aria-pressed': String(chosen.status === status), click: choose(status)}, pill(status), number)));
}

function unmanagedRow(role) {
	const powers = [role.login && 'login', role.superuser && 'superuser', role.referenced && 'in users.yaml'].filter(Boolean);
	return [el('span.strong', null, role.name), role.database, powers.join(', '), role.reason];
}

/* Roles that are nobody's here: many, and no news, so they are folded until somebody asks. */
function unmanaged({items, count}) {
	if (!count)
		return null;
	const shown = items.slice(0, ROWS);
	/* Noted with the click, not with the toggle that follows it: the data may be drawn anew in between. */
	const fold = () => {
		chosen.unmanaged = !chosen.unmanaged;
	};
	return el('details.unmanaged', {open: chosen.unmanaged}, el('summary', {click: fold}, `${count} unmanaged ${count === 1 ? 'role' : 'roles'}`),
	table([['Role'], ['Database'], ['Has'], ['Why', 'wide']], shown.map(unmanagedRow)), more(count));
}

export const users = {
	title: 'Users',
	paths: () => ['/api/v1/users', '/api/v1/databases', '/api/v1/users/unmanaged'],
	render: (held, redraw) => {
		const {items} = held['/api/v1/users'];
		const databases = held['/api/v1/databases'].items.map((item) => item.name);
		const aside = actions.canAct() && databases.length > 0 &&
			el('button.button', {type: 'button', click: () => actions.syncUsers(databases)}, 'Sync users');
		/* Whose users are not reconciled, or not the newest: what the table shows is as old as that. */
		const waiting = held['/api/v1/databases'].items.filter((item) => item.status !== 'Connected' || item.reason)
			.map((item) => el('div.callout.warn', null, el('p', null, `${item.name}: ${item.status}${item.reason ? `: ${item.reason}` : ''}`)));
		const others = unmanaged(held['/api/v1/users/unmanaged']);
		return section('Users', aside, items.length ? [...waiting, filters(items, redraw), userTable(items)] : waiting.length ? waiting
			: empty('No users', 'None are listed in Git, or no database was reached yet.'), others);
	},
};

/* ---- drift ---- */

function subject(item) {
	if (item.user)
		return el('span.strong', null, el('span.dim', null, `${item.user.database}/`), item.user.name);
	const object = item.object || {};
	return el('span', null, el('span.dim', null, `${object.kind} `), el('span.strong', null, object.namespace && `${object.namespace}/`, object.name));
}

function driftRow(item) {
	return [
		when(item.time), subject(item), el('code', null, item.field), change(item.wanted, item.found), item.by,
		item.healed ? [pill('healed'), ' ', el('span.dim', null, when(item.healed))] : pill('open'),
	];
}

export const drift = {
	title: 'Drift',
	paths: () => [`/api/v1/drift?limit=${ROWS}`],
	render: (held) => {
		const {items} = held[`/api/v1/drift?limit=${ROWS}`];
		return section('Drift', el('span.dim', null, 'changes that somebody made by hand'), items.length
			? table([['When'], ['What'], ['Field'], ['Wanted and found', 'wide'], ['By'], ['State']], items.map(driftRow))
			: empty('No drift', 'Nobody changed anything by hand since the agent keeps watch.'));
	},
};

/* ---- changes ---- */

function outcome(item) {
	if (!item.finished)
		return pill('Pending', 'the outcome is not known');
	return item.outcome === 'done' ? pill('done') : [pill('failed'), ' ', item.outcome, item.times > 1 && el('span.dim', null, ` ${item.times} times`)];
}

function changeRow(item) {
	return [
		when(item.finished || item.started), el('span.strong', null, el('span.dim', null, `${item.database}/`), item.user), item.action,
		el('code.statement', null, item.statement), commit(item.commit), outcome(item),
	];
}

/* #/changes or #/changes/USER */
export function changesView(user) {
	const path = user ? `/api/v1/users/history?user=${encodeURIComponent(user)}` : '/api/v1/users/history';
	const title = user ? ['Changes to ', user] : 'Changes to roles';
	const aside = user ? el('a', {href: '#/changes'}, 'All changes') : el('span.dim', null, 'passwords are never in them');
	return {title: 'Changes', paths: () => [path], render: (held) => {
		const {items} = held[path];
		return section(title, aside, items.length
			? [table([['When'], ['User'], ['Action'], ['Statement', 'wide'], ['Commit'], ['Outcome']], items.slice(0, ROWS).map(changeRow)), more(items.length)]
			: empty('No changes', user ? 'The agent changed nothing about this role.' : 'No role was created, altered or removed yet.'));
	}};
}
