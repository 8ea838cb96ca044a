/*
 * actions.js - what a person can ask of the agent, and how the answer is told
 */
import {el, fill} from './dom.js';
import * as agent from './agent.js';

let allowed = 'off'; /* "allowed", "token" or "off", as the agent says */

export function setAllowed(actions) {
	allowed = actions;
}

export function canAct() {
	return allowed === 'allowed' || (allowed === 'token' && agent.hasToken());
}

/* ---- telling ---- */

export function toast(tone, title, text) {
	const box = document.getElementById('toasts');
	const node = el(`div.toast.${tone}`, null, el('strong', null, title), text && el('p', null, text),
		el('button.toast-close', {type: 'button', 'aria-label': 'Close', click: () => node.remove()}, '×'));
	box.append(node);
	if (tone !== 'bad')
		setTimeout(() => node.remove(), 8000);
	return node;
}

/* Sends the action and follows it: one message that changes from "asked" to the outcome. */
async function run(title, path, body) {
	const running = toast('busy', title, 'Asked the agent …');
	try {
		const {operation} = await agent.post(path, body);
		const end = await agent.outcome(operation);
		const good = end.phase === 'Succeeded';
		toast(good ? 'good' : 'bad', `${title}: ${end.phase}`, end.message);
	} catch (error) {
		toast('bad', `${title}: not done`, error.message);
	}
	running.remove();
}

/* ---- asking ---- */

/* A dialog with a form; `submit` gets the form's FormData once it was confirmed. */
export function dialog(title, text, fields, button, submit) {
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
	for (const name of ['prune', 'dryRun', 'hard'])
		if (data.get(name))
			body[name] = true;
	if (data.get('confirm'))
		body.confirm = data.get('confirm').trim();
	return body;
}

const pathOf = (name, action) => `/api/v1/applications/${encodeURIComponent(name)}/${action}`;

export function refresh(name) {
	run(`Refresh of ${name}`, pathOf(name, 'refresh'), {});
}

export function sync(name) {
	dialog(`Sync ${name}`, 'Brings the cluster to the commit of the target revision, now.', [
		check('dryRun', 'Dry run', 'Show what would change, change nothing'),
		check('prune', 'Prune', 'Remove objects that Git no longer holds'),
		confirmation(),
	], 'Sync', (data) => run(`Sync of ${name}`, pathOf(name, 'sync'), read(data)));
}

export function rollback(name, revision) {
	dialog(`Roll ${name} back`, `To ${revision.commit.slice(0, 7)}: ${revision.message.split('\n')[0]}`, [
		check('dryRun', 'Dry run', 'Show what would change, change nothing'),
		check('prune', 'Prune', 'Remove objects that this commit does not hold'),
		confirmation(),
	], 'Roll back', (data) =>
		run(`Rollback of ${name}`, pathOf(name, 'rollback'), {...read(data), id: revision.id}));
}

export function terminate(name) {
	run(`Termination of ${name}`, pathOf(name, 'terminate'), {});
}

export function syncUsers() {
	dialog('Sync users', 'Brings the roles of every database to what Git says, now.', [
		check('dryRun', 'Plan only', 'Show what would change, change nothing'),
		confirmation(),
	], 'Sync', (data) => run('Sync of users', '/api/v1/users/sync', read(data)));
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
