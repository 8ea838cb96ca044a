/*
 * access.js - who may do what
 *
 * The answer is asked of the database once, when somebody asks, and not again when the store changes: each question is an operation that
 * the store keeps.
 */
import {commit, count, el, empty, section, table} from './dom.js';
import * as agent from './agent.js';

const ROWS = 300; /* drawn at once */
const FIELDS = [['user', 'User or role', 'alice'], ['table', 'Table', 'public.orders'], ['database', 'Database', 'app']];

/* What is typed, and the last question with what came of it. */
const typed = {user: '', table: '', database: '', entry: ''};
const asked = {query: null, answer: null, error: null};

async function ask(query, redraw) {
	Object.assign(asked, {query, answer: null, error: null});
	let answer = null;
	let error = null;
	try {
		answer = (await agent.get(`/api/v1/users/access?${query}`)).value;
	} catch (problem) {
		error = problem;
	}
	if (asked.query === query) {
		Object.assign(asked, {answer, error});
		redraw();
	}
}

function queryOf(values) {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(values))
		if (value)
			query.set(name, value);
	return query.toString();
}

function address(values) {
	return `#/access/${encodeURIComponent(queryOf(values) || 'groups=false')}`; /* about everybody */
}

/* ---- the question ---- */

function field([name, title, example]) {
	const input = el('input', {type: 'text', placeholder: example, 'data-keep': `access-${name}`, spellcheck: 'false', autocapitalize: 'off',
		input: (event) => {
			typed[name] = event.target.value.trim();
		}});
	input.value = typed[name];
	return el('label.field', null, title, input);
}

function entryField(entries) {
	if (entries.length < 2)
		return null;
	typed.entry = typed.entry || entries[0];
	const select = el('select', {change: (event) => {
		typed.entry = event.target.value;
	}}, entries.map((name) => el('option', {value: name, selected: name === typed.entry}, name)));
	return el('label.field', null, 'Server', select);
}

function form(entries, redraw) {
	return el('form.question', {submit: (event) => {
		event.preventDefault();
		asked.query = null; /* the same once more is asked once more */
		const next = address(typed);
		if (window.location.hash === next)
			redraw();
		else
			window.location.hash = next;
	}}, FIELDS.map(field), entryField(entries), el('button.button.primary', {type: 'submit'}, 'Ask'));
}

/* ---- the answer ---- */

const role = (name) => (name === 'public' ? 'PUBLIC' : name);

function through(item) {
	const names = item.kind === 'role' ? item.via.slice(0, -1) : item.via;
	const at = item.setRole ? names.indexOf(item.setRole) : -1;
	const shown = names.slice(at + 1).map(role);
	return [item.setRole && `SET ROLE ${item.setRole}`, ...shown].filter(Boolean).join(' > ') || 'directly';
}

function given(item) {
	if (item.origin === 'git')
		return [el('span', {title: item.file}, `${item.file.split('/').pop()}:${item.line} `), commit(item.commit)];
	if (item.origin === 'default')
		return el('span.dim', null, 'PostgreSQL’s default');
	return el('span.pill.warn', {title: item.hand}, 'by hand');
}

function note(item) {
	const told = [item.needs && el('p', null, el('span.pill.dim', null, 'without effect'), ` needs ${item.needs}`),
		item.rowSecurity && el('p.dim', null, 'row security says which rows'), item.means && el('p.dim', null, item.means),
		item.more && el('p.dim', null, `and ${count(item.more, 'more way')}`)].filter(Boolean);
	return told.length ? told : '';
}

/* Privileges that come to an object by one way are one row. */
function joined(items) {
	const rows = new Map();
	for (const item of items) {
		const key = JSON.stringify([item.user, item.database, item.kind, item.object, item.via, item.setRole, item.origin, item.line,
			item.needs, item.rowSecurity, item.more]);
		if (!rows.has(key))
			rows.set(key, {item, privileges: []});
		rows.get(key).privileges.push(item.privilege + (item.grantable && !['OWNER', 'ALL'].includes(item.privilege) ? '*' : ''));
	}
	return [...rows.values()];
}

function answerRow({item, privileges}) {
	return [
		el('a.strong', {href: address({user: item.user, entry: typed.entry}), title: 'Everything this role may do'}, role(item.user)), item.database,
		el('span', null, el('span.dim', null, `${item.kind} `), el('span.strong', null, item.object), item.standsFor && ` (${item.standsFor})`),
		privileges.join(', '), through(item), given(item), note(item),
	];
}

function answerTable(answer) {
	const rows = joined(answer.items);
	const hidden = answer.count - answer.items.length + Math.max(0, rows.length - ROWS);
	return [
		[answer.pending, ...answer.notes].filter(Boolean).map((text) => el('p.note', null, text)),
		rows.length ? table([['User'], ['Database'], ['Object', 'wide'], ['Privileges'], ['Through'], ['Given by', 'line'], ['Note']],
			rows.slice(0, ROWS).map(answerRow)) : empty('Nothing', 'Nobody may do anything there.'),
		hidden > 0 && el('p.dim.more', null, `${hidden} more: ask about one user, table or database, or use the command line`),
	];
}

function result(query) {
	if (!query)
		return empty('Who may do what', 'Ask about a user, a table, a database, or with nothing filled in about everybody: each privilege with the way it comes and who gave it.');
	if (asked.error)
		return el('div.callout.bad', null, el('strong', null, 'No answer'), el('p', null, asked.error.message));
	return asked.answer ? answerTable(asked.answer) : el('p.loading', null, 'Asking the database');
}

/* #/access or #/access/QUERY */
export function accessView(query) {
	return {title: 'Access', paths: () => ['/api/v1/databases'], render: (held, redraw) => {
		if (query && asked.query !== query) {
			const values = new URLSearchParams(query);
			Object.keys(typed).forEach((name) => {
				typed[name] = values.get(name) || '';
			});
			ask(query, redraw);
		}
		return section('Access', el('span.dim', null, 'asked of the database as it is now'),
			form(held['/api/v1/databases'].items.map((item) => item.name), redraw), result(query));
	}};
}
