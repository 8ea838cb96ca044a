/*
 * agent.js - the way to the agent: its API, its events, the token
 *
 * The token lives in this module's memory and nowhere else: it is gone with the page.
 */

let token = '';
let tokenGiven = () => {};
const held = new Map(); /* path -> {tag, value}: what the agent need not send again */

export class Refused extends Error {
	constructor(status, detail) {
		super(detail);
		this.status = status;
	}
}

export function setToken(text) {
	token = text;
	held.clear();
	tokenGiven();
}

export function hasToken() {
	return token !== '';
}

function headers(more) {
	return token ? {...more, Authorization: `Bearer ${token}`} : more;
}

async function refusal(answer) {
	let detail = '';
	try {
		detail = (await answer.json()).detail;
	} catch {
		/* a proxy in between answered in its own words */
	}
	return new Refused(answer.status, detail || `the agent answered ${answer.status}`);
}

/* {value, changed}; `changed` is false when the answer is the one already held. */
export async function get(path) {
	const known = held.get(path);
	const answer = await fetch(path, {
		headers: headers(known ? {'If-None-Match': known.tag} : {}),
		cache: 'no-store',
	});
	if (answer.status === 304 && known)
		return {value: known.value, changed: false};
	if (!answer.ok)
		throw await refusal(answer);
	const value = await answer.json();
	held.set(path, {tag: answer.headers.get('ETag'), value});
	return {value, changed: true};
}

export async function post(path, body) {
	const answer = await fetch(path, {
		method: 'POST',
		headers: headers({'Content-Type': 'application/json'}),
		body: JSON.stringify(body),
	});
	if (!answer.ok)
		throw await refusal(answer);
	return answer.json();
}

const pause = (milliseconds) => new Promise((resolve) => {
	setTimeout(resolve, milliseconds);
});

/* Follows an operation to its end; returns it. `progress` hears of it on the way. */
export async function outcome(id, progress) {
	for (;;) {
		const answer = await fetch(`/api/v1/operations/${id}`, {headers: headers({}), cache: 'no-store'});
		if (!answer.ok)
			throw await refusal(answer);
		const operation = await answer.json();
		if (operation.finished)
			return operation;
		progress(operation);
		await pause(300);
	}
}

/* Reads events until the stream ends. EventSource cannot send the token, so this is its small part that we need. */
async function read(answer, onChange) {
	const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
	let text = '';
	for (;;) {
		const {done, value} = await reader.read();
		if (done)
			return;
		text += value;
		const events = text.split('\n\n');
		text = events.pop();
		if (events.some((event) => event.includes('event: changed')))
			onChange();
	}
}

/*
 * Calls onChange at each change, onState('live' | 'polling' | 'away' | 'token') when the way to the agent changes.
 * When all places for listeners are taken, asking every few seconds does as well. Never returns.
 */
export async function follow(onChange, onState) {
	for (let wait = 1000; ; wait = Math.min(wait * 2, 15000)) {
		try {
			const answer = await fetch('/api/v1/events', {headers: headers({}), cache: 'no-store'});
			if (answer.ok) {
				onState('live');
				onChange();
				wait = 1000;
				await read(answer, onChange);
			} else if (answer.status === 401 || answer.status === 403) {
				onState('token');
				wait = 1000;
				await new Promise((resolve) => {
					tokenGiven = resolve;
				});
				continue;
			} else {
				onState('polling');
				onChange();
				wait = 4000;
			}
		} catch {
			/* the agent restarts, or the network is gone: the next try tells */
			onState('away');
		}
		await pause(wait);
	}
}
