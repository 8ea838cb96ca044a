/*
 * dom.js - elements and words
 *
 * Whatever came from Git, a cluster or a database reaches the document as text: there is no innerHTML in this page, and a
 * link is made only of an http(s) address.
 */

/* el('td.num', {title: '...'}, child, ...): tag and classes, attributes (a function is an event handler), children. */
export function el(name, attributes, ...children) {
	const [tag, ...classes] = name.split('.');
	const node = document.createElement(tag);
	if (classes.length)
		node.className = classes.join(' ');
	for (const [key, value] of Object.entries(attributes || {})) {
		if (typeof value === 'function')
			node.addEventListener(key, value);
		else if (value === true)
			node.setAttribute(key, '');
		else if (value !== false && value !== null && value !== undefined)
			node.setAttribute(key, key === 'title' || key.startsWith('aria-') ? visible(String(value)) : value);
	}
	put(node, children);
	return node;
}

/* What is not to be seen, or turns the direction of what is (text_is_hidden() of the program), is shown as an escape. */
const HIDDEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\u{e0000}-\u{e0fff}]/gu;

export function visible(text) {
	return text.replace(HIDDEN, (character) => {
		const code = character.codePointAt(0).toString(16);
		return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
	});
}

function put(node, children) {
	for (const child of children.flat(Infinity))
		if (child !== null && child !== undefined && child !== false)
			node.append(child instanceof Node ? child : visible(String(child)));
}

export function fill(node, ...children) {
	node.replaceChildren();
	put(node, children);
	return node;
}

/* ---- words ---- */

const UNITS = [[60, 's', 1], [3600, 'min', 60], [86400, 'h', 3600], [Infinity, 'd', 86400]];

export function duration(milliseconds) {
	const seconds = Math.max(0, Math.round(milliseconds / 1000));
	const [, unit, size] = UNITS.find(([below]) => seconds < below);
	return `${Math.floor(seconds / size)} ${unit}`;
}

function ago(date) {
	const since = Date.now() - date.getTime();
	return since < 2000 ? 'just now' : `${duration(since)} ago`;
}

/* A moment as people say it; the exact one on hovering. Kept current by tick(). */
export function when(text, otherwise = '') {
	const date = text ? new Date(text) : null;
	if (!date || Number.isNaN(date.getTime()))
		return otherwise;
	return el('time', {datetime: date.toISOString(), title: date.toLocaleString()}, ago(date));
}

export function tick() {
	for (const node of document.querySelectorAll('time[datetime]'))
		node.textContent = ago(new Date(node.getAttribute('datetime')));
}

export function count(number, one, many = `${one}s`) {
	return `${number} ${number === 1 ? one : many}`;
}

/* ---- the small pieces that views are made of ---- */

const TONES = {
	Synced: 'good', Healthy: 'good', Connected: 'good', Succeeded: 'good', done: 'good', healed: 'good', Pruned: 'good',
	OutOfSync: 'warn', Drifted: 'warn', Missing: 'warn', Retiring: 'warn', Suspended: 'warn', open: 'warn', PruneSkipped: 'warn',
	Degraded: 'bad', Failed: 'bad', Error: 'bad', Refused: 'bad', failed: 'bad', SyncFailed: 'bad',
	Progressing: 'busy', Running: 'busy', Pending: 'busy', Terminating: 'busy', Waiting: 'busy',
};

export function pill(word, title) {
	return el(`span.pill.${TONES[word] || 'dim'}`, {title}, word || 'Unknown');
}

export function tone(word) {
	return TONES[word] || 'dim';
}

/* One, or those of several sources, joined by ','. */
export function commit(ids) {
	return ids ? el('code.commit', {title: ids}, ids.split(',').map((id) => id.slice(0, 7)).join(', ')) : '';
}

/* An Application's sources, each with its newest commit. */
export function sources(application) {
	const {source, sources: list} = application.spec;
	const sync = (application.status || {}).sync || {};
	const commits = sync.revisions || [sync.revision];
	return (list && list.length ? list : [source || {}]).map((item, i) => ({...item, commit: commits[i]}));
}

/* "Name <address>": the name; the address on hovering. */
export function author(text) {
	return el('span.dim', {title: text}, (text || '').replace(/ <[^<>]*>$/, ''));
}

/* Only what a browser may safely follow; anything else is shown as the text it is. */
export function link(address) {
	let url = null;
	try {
		url = new URL(address);
	} catch {
		return address || '';
	}
	if (url.protocol !== 'https:' && url.protocol !== 'http:')
		return address;
	url.username = '';
	url.password = '';
	return el('a', {href: url.href, rel: 'noreferrer noopener', target: '_blank'}, url.host + url.pathname);
}

export function empty(title, text) {
	return el('div.empty', null, el('strong', null, title), text && el('p', null, text));
}

export function section(title, aside, ...children) {
	return el('section.section', null, el('div.section-head', null, el('h2', null, title), aside), ...children);
}

/* Columns: [title, class]. On a phone each row becomes a card, its cells named by `data-label`. */
export function table(columns, rows) {
	const head = el('tr', null, columns.map(([title, kind]) => el('th', {class: kind, scope: 'col'}, title)));
	const body = rows.map((cells) => el('tr', null, cells.map((cell, i) =>
		el('td', {class: columns[i][1], 'data-label': columns[i][0]}, cell ? el('div', null, cell) : null))));
	return el('div.table-box', null, el('table', null, el('thead', null, head), el('tbody', null, body)));
}

/* What should be, and what was found. */
export function change(wanted, found) {
	return el('span.change', null, el('ins', {title: 'wanted'}, wanted || 'nothing'),
		el('del', {title: 'found'}, found || 'nothing'));
}
