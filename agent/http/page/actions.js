/*
 * actions.js - what a person can ask of the agent, and how the answer is told
 */
import {el, fill, pill} from './dom.js';
import * as agent from './agent.js';

let allowed = 'off'; /* "allowed", "token" or "off", as the agent says */

export function setAllowed(actions) {
	allowed = actions;
}

export function canAct() {
	return allowed === 'allowed' || (allowed === 'token' && agent.hasToken());
}

/* ---- telling ---- */

function toast(tone, title, text, more) {
	const box = document.getElementById('toasts');
	const node = el(`div.toast.${tone}`, null, el('strong', null, title), text && el('p', null, text), more,
		el('button.toast-close', {type: 'button', 'aria-label': 'Close', click: () => node.remove()}, '×'));
	box.append(node);
	if (tone !== 'bad' && tone !== 'busy') /* one that is busy goes when it is over */
		setTimeout(() => node.remove(), 8000);
	return node;
}

/* ---- what came out ---- */

function statement(step) {
	return el('li', null, el('code', null, step.summary || step.statement), ' ', el('span.dim', null, step.user),
		step.error && el('p.bad-text', null, step.error));
}

function resource(item) {
	return el('li', null, item.status ? pill(item.status) : pill('OutOfSync'), ' ', el('span.dim', null, item.kind), ' ',
		item.namespace && `${item.namespace}/`, item.name, item.message && el('p.dim', null, item.message));
}

/* The plan of one database: statements, and the removals that need a word of their own. */
function plan(item) {
	return el('div.stack', null, el('h3', null, item.database),
		item.blocked && el('div.callout.warn', null, el('strong', null, 'Removed only when confirmed'), el('p', null, item.deletions.join(', '))),
		item.steps.length ? el('ol.steps', null, item.steps.map(statement)) : el('p.dim', null, 'Nothing to do.'));
}

function report(operation) {
	const result = operation.result || {};
	if (result.items)
		return result.items.map(plan);
	return result.resources && result.resources.length ? el('ul.steps', null, result.resources.map(resource)) : null;
}

function holdsBack(operation) {
	return ((operation.result || {}).items || []).find((item) => item.blocked && item.confirm);
}

/* `wish` is {title, path, body}: what was asked. */
function showReport(wish, operation) {
	const held = holdsBack(operation);
	dialog(`${wish.title}: ${operation.phase}`, operation.message, report(operation), held ? 'Confirm the removals' : 'Close', () => {
		if (held)
			run({title: wish.title, path: wish.path, body: {database: held.database, confirm: held.confirm}});
	});
}

/* Sends the action and follows it: one message that changes from "asked" to the outcome. A plan is what was asked for, and
   a removal that was held back needs an answer: both are shown at once. */
async function run(wish) {
	const said = el('p', null, 'Asked the agent …');
	const running = toast('busy', wish.title, null, said);
	try {
		const {operation} = await agent.post(wish.path, wish.body);
		const end = await agent.outcome(operation, ({message}) => {
			if (message)
				fill(said, message);
		});
		const details = report(end);
		if (details && (wish.body.dryRun || holdsBack(end)))
			showReport(wish, end);
		else
			toast(end.phase === 'Succeeded' ? 'good' : 'bad', `${wish.title}: ${end.phase}`, end.message,
				details && el('button.button.quiet.small', {type: 'button', click: () => showReport(wish, end)}, 'Details'));
	} catch (error) {
		toast('bad', `${wish.title}: not done`, error.message);
	}
	running.remove();
}

/* ---- asking ---- */

/* A dialog with a form; `submit` gets the form's FormData once it was confirmed. */
function dialog(title, text, fields, button, submit) {
	const form = el('form', {method: 'dialog'}, el('h2', null, title), text && el('p.dim', null, text), fields,
		el('div.buttons', null,
			el('button.button.quiet', {type: 'button', click: () => box.close()}, 'Cancel'),
			el('button.button.primary', {type: 'submit'}, button)));
	const box = el('dialog', {close: () => box.remove()}, form);
	form.addEventListener('submit', (event) => {
		event.preventDefault(); /* the page's policy lets no form go anywhere */
		const data = new FormData(form);
		box.close();
		submit(data);
	});
	document.body.append(box);
	box.showModal();
}

function check(name, label, hint) {
	return el('label.check', null, el('input', {type: 'checkbox', name}), el('span', null, label, el('small', null, hint)));
}

function confirmation() {
	return el('label.field', null, 'Confirmation',
		el('input', {name: 'confirm', autocomplete: 'off', spellcheck: 'false', placeholder: 'only when deletions ask for it'}));
}

function read(data) {
	const body = {};
	for (const name of ['prune', 'dryRun', 'hard', 'force', 'applyOnly'])
		if (data.get(name))
			body[name] = true;
	for (const name of ['confirm', 'revision'])
		if ((data.get(name) || '').trim())
			body[name] = data.get(name).trim();
	return body;
}

const pathOf = (name, action) => `/api/v1/applications/${encodeURIComponent(name)}/${action}`;

export function refresh(name) {
	run({title: `Refresh of ${name}`, path: pathOf(name, 'refresh'), body: {}});
}

/* What most people choose, and what few do. */
function choices() {
	return [
		check('dryRun', 'Dry run', 'Show what would change, change nothing'),
		check('prune', 'Prune', 'Remove objects that Git no longer holds'),
		el('details', null, el('summary', null, 'More'), el('div.stack', null,
			el('label.field', null, 'Revision', el('input', {name: 'revision', autocomplete: 'off', spellcheck: 'false',
				placeholder: 'commit, branch or tag instead of its own'})),
			check('applyOnly', 'Without hooks', 'Apply the objects only'),
			check('force', 'Force', 'Delete and make anew what the server does not let us change'),
			confirmation())),
	];
}

export function sync(name) {
	dialog(`Sync ${name}`, 'Brings the cluster to the commit of the target revision, now.', choices(), 'Sync',
		(data) => run({title: `Sync of ${name}`, path: pathOf(name, 'sync'), body: read(data)}));
}

/* One object alone: without hooks, and no entry in the history. */
export function syncObject(name, item) {
	const {group, kind, namespace, name: object} = item;
	dialog(`Sync ${kind} ${object}`, 'Only this object is made as Git says. Hooks do not run.', [
		check('dryRun', 'Dry run', 'Show what would change, change nothing'),
		item.requiresPruning && check('prune', 'Prune', 'Git no longer holds it: remove it'),
	], 'Sync', (data) => run({title: `Sync of ${kind} ${object}`, path: pathOf(name, 'sync'), body: {...read(data),
		resources: [{...(group ? {group} : {}), kind, ...(namespace ? {namespace} : {}), name: object}]}}));
}

export function rollback(name, entry) {
	dialog(`Roll ${name} back`, `Syncs commit ${entry.commit.slice(0, 7)} (deployment ${entry.id}) again, without hooks. Git stays as it is: revert the change there, too.`, [
		check('dryRun', 'Dry run', 'Show what would change, change nothing'),
		check('prune', 'Prune', 'Remove objects that this commit does not hold'),
		confirmation(),
	], 'Roll back', (data) => run({title: `Rollback of ${name}`, path: pathOf(name, 'rollback'), body: {...read(data), id: entry.id}}));
}

export function terminate(name) {
	dialog(`Terminate the sync of ${name}`, 'What it has done stays. Running hooks are deleted, and the sync counts as failed.', null, 'Terminate',
		() => run({title: `Termination of ${name}`, path: pathOf(name, 'terminate'), body: {}}));
}

export function syncUsers(databases) {
	const choice = el('select', {name: 'database'}, databases.map((name) => el('option', {value: name}, name)));
	dialog('Sync users', 'Brings the roles of a database to what Git says, now.', [
		el('label.field', null, 'Database', choice),
		check('dryRun', 'Plan only', 'Show the statements, send none'),
	], 'Sync', (data) => run({title: `Users of ${data.get('database')}`, path: '/api/v1/users/sync',
		body: {...read(data), database: data.get('database')}}));
}

export function signIn(done) {
	const field = el('input', {name: 'token', type: 'password', autocomplete: 'off', required: true, autofocus: true});
	dialog('Enter the agent’s token', 'It stands in the file that api.tokenFile names. This page keeps it in memory only.',
		el('label.field', null, 'Token', field), 'Use it', (data) => {
			agent.setToken(data.get('token').trim());
			fill(field);
			done();
		});
}
