/*
 * clusters.js - a picture of each database cluster: who leads, who follows, how far behind
 *
 * The nodes stay and are changed in place, outside of what other answers draw anew: so whoever takes over is seen to move there. Where a
 * member stands is a transform of its node; the movement itself is the style sheet's.
 */
import {count, el, fill, section, table, visible, when} from './dom.js';

const HEIGHT = 64; /* of a member */
const GAP = 18;
const NARROW = 760; /* below that the leader stands above its replicas */
const ROLES = {leader: 'Leader', standby_leader: 'Standby leader', replica: 'Replica', sync_standby: 'Sync standby', quorum_standby: 'Quorum standby'};

const box = document.getElementById('clusters');
const pictures = new Map(); /* name of the `databases` entry -> picture */
let hidden = false;

/* ---- words ---- */

function bytes(number) {
	const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
	let unit = 0;
	for (; number >= 1024 && unit + 1 < units.length; unit++)
		number /= 1024;
	return `${unit && number < 10 ? number.toFixed(1) : Math.round(number)} ${units[unit]}`;
}

const leads = (member) => member.role === 'leader' || member.role === 'standby_leader';

function behind(member) {
	const {lagBytes, receiveLagBytes} = member;
	if (lagBytes === undefined)
		return 'lag not known';
	if (!lagBytes)
		return 'nothing behind';
	return receiveLagBytes === 0 ? `replays ${bytes(lagBytes)} behind` : `${bytes(lagBytes)} behind`;
}

/* {tone, text}: what there is to say of a member's state. */
function condition(member) {
	const said = member.state || 'no state';
	if (member.contact === 'silent')
		return {tone: 'bad', text: `no answer (said ${member.state || 'nothing'})`};
	if (member.pod)
		return {tone: 'bad', text: member.pod};
	if (leads(member))
		return member.role === 'leader' && member.inRecovery ? {tone: 'bad', text: 'in recovery: takes no writes'}
			: {tone: said === 'running' ? 'good' : 'busy', text: said};
	if (member.inRecovery === false)
		return {tone: 'bad', text: 'takes writes, too'};
	return said === 'streaming' ? {tone: 'good', text: said} : {tone: said === 'running' ? 'warn' : 'busy', text: said === 'running' ? 'follows nobody' : said};
}

/* The end of a name tells members apart. */
function shortened(name, width) {
	const most = Math.max(6, Math.floor((width - 92) / 8));
	const characters = [...visible(name)];
	return characters.length > most ? `…${characters.slice(1 - most).join('')}` : characters.join('');
}

function sentence(item) {
	const members = item.members || [];
	const leader = members.find(leads);
	return [leader ? `${leader.name} leads: ${condition(leader).text}.` : 'Nobody leads.',
		...members.filter((member) => member !== leader).map((member) =>
			`${member.name}, ${(ROLES[member.role] || 'no role').toLowerCase()}: ${condition(member).text}, ${behind(member)}.`)].join(' ');
}

/* ---- the picture ---- */

function svg(name, attributes, ...children) {
	const [tag, ...classes] = name.split('.');
	const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
	if (classes.length)
		node.setAttribute('class', classes.join(' '));
	for (const [key, value] of Object.entries(attributes || {}))
		node.setAttribute(key, value);
	node.append(...children);
	return node;
}

function write(node, text) {
	const shown = visible(text);
	if (node.textContent !== shown)
		node.textContent = shown;
}

function place(node, x, y) {
	node.style.transform = `translate(${x}px, ${y}px)`;
}

/* Its box, and the arrow that comes to it. */
function memberNodes() {
	const parts = {box: svg('rect.box', {height: HEIGHT, rx: 12}), mark: svg('circle.mark', {cx: 20, cy: 24, r: 5}), name: svg('text.name', {x: 34, y: 29}),
		role: svg('text.role', {x: 34, y: 48}), timeline: svg('text.timeline', {y: 29, 'text-anchor': 'end'}), full: svg('title'),
		line: svg('path.line', {}), head: svg('path.head', {d: 'M -9 -5.5 L 0 0 L -9 5.5 Z'}), label: svg('text.label', {})};
	parts.node = svg('g.member', {}, parts.full, parts.box, parts.mark, parts.name, parts.role, parts.timeline);
	parts.arrow = svg('g.arrow', {}, parts.line, parts.head, parts.label);
	return parts;
}

/* Where everybody stands: the leader by itself, whoever follows by name. */
function plan(members, width) {
	const followers = members.filter((member) => !leads(member));
	const leaders = members.filter(leads);
	const narrow = width < NARROW;
	const size = narrow ? Math.min(width - 40, 340) : Math.min(340, Math.floor((width - 320) / 2));
	const rows = Math.max(followers.length, narrow ? 0 : 1);
	const height = rows * (HEIGHT + GAP) - GAP;
	const spots = new Map();
	const lead = narrow ? {x: 0, y: 0} : {x: 0, y: (height - HEIGHT) / 2};
	leaders.forEach((member, i) => spots.set(member.name, {x: lead.x + i * 12, y: lead.y + i * 12}));
	followers.forEach((member, i) => spots.set(member.name, narrow ? {x: 34, y: HEIGHT + 34 + i * (HEIGHT + 34)}
		: {x: width - 4 - size, y: i * (HEIGHT + GAP)}));
	return {narrow, size, lead, spots, height: narrow ? HEIGHT + followers.length * (HEIGHT + 34) : height, leaderless: !leaders.length};
}

function route({narrow, size, lead}, spot) {
	const y = spot.y + HEIGHT / 2;
	if (narrow)
		return `M 14 ${lead.y + HEIGHT} C 14 ${lead.y + HEIGHT + 10}, 14 ${y}, 14 ${y} C 14 ${y}, 20 ${y}, ${spot.x - 3} ${y}`;
	const from = lead.x + size; /* it bends at once: the rest has words above it */
	return `M ${from} ${lead.y + HEIGHT / 2} C ${from + 48} ${lead.y + HEIGHT / 2}, ${from + 16} ${y}, ${from + 72} ${y} L ${spot.x - 3} ${y}`;
}

function drawArrow(parts, member, layout, spot) {
	const {tone, text} = condition(member);
	const streams = member.state === 'streaming' && tone === 'good';
	parts.arrow.setAttribute('class', `arrow ${streams ? 'good' : tone}${streams ? ' streams' : ''}${leads(member) || layout.leaderless ? ' none' : ''}`);
	if (!leads(member))
		parts.line.setAttribute('d', route(layout, spot));
	place(parts.head, spot.x - 2, spot.y + HEIGHT / 2);
	const from = (member.tags || {}).replicatefrom;
	write(parts.label, [streams ? 'streaming' : text, from && `from ${from}`, behind(member)].filter(Boolean).join(' · '));
	parts.label.setAttribute('text-anchor', layout.narrow ? 'start' : 'end');
	place(parts.label, layout.narrow ? spot.x + 2 : spot.x - 18, layout.narrow ? spot.y - 9 : spot.y + HEIGHT / 2 - 9);
}

function drawMember(parts, member, layout) {
	const spot = layout.spots.get(member.name);
	const {tone, text} = condition(member);
	parts.node.setAttribute('class', `member ${tone}${leads(member) ? ' leads' : ''}${member.contact === 'silent' ? ' silent' : ''}`);
	parts.box.setAttribute('width', layout.size);
	write(parts.name, shortened(member.name, layout.size));
	write(parts.role, `${ROLES[member.role] || 'No role'} · ${text}`.slice(0, Math.floor((layout.size - 44) / 6.6)));
	write(parts.timeline, member.timeline ? `TL ${member.timeline}` : '');
	parts.timeline.setAttribute('x', layout.size - 14);
	write(parts.full, `${member.name} ${member.host || ''}`);
	place(parts.node, spot.x, spot.y);
	drawArrow(parts, member, layout, spot);
}

/* Members that came, and those that are gone. */
function meet(picture, members) {
	for (const member of members)
		if (!picture.members.has(member.name)) {
			const parts = memberNodes();
			picture.members.set(member.name, parts);
			picture.arrows.append(parts.arrow);
			picture.nodes.append(parts.node);
		}
	for (const [name, parts] of picture.members)
		if (!members.some((member) => member.name === name)) {
			parts.node.remove();
			parts.arrow.remove();
			picture.members.delete(name);
		}
}

function draw(picture) {
	const members = picture.item.members || [];
	const width = Math.floor(picture.frame.clientWidth);
	picture.svg.toggleAttribute('hidden', !members.length);
	if (!width)
		return;
	meet(picture, members);
	const layout = plan(members, width);
	picture.svg.setAttribute('width', width);
	picture.svg.setAttribute('height', layout.height + 4);
	picture.svg.setAttribute('viewBox', `-2 -2 ${width} ${layout.height + 4}`);
	picture.ghost.setAttribute('class', layout.leaderless ? 'ghost' : 'ghost none');
	picture.ghostBox.setAttribute('width', layout.size);
	picture.ghostText.setAttribute('x', layout.size / 2);
	place(picture.ghost, layout.lead.x, layout.lead.y);
	members.forEach((member) => drawMember(picture.members.get(member.name), member, layout));
	const leader = members.find(leads);
	if (leader) /* whoever leads is in front of those it passes */
		picture.nodes.append(picture.members.get(leader.name).node);
}

/* ---- around it ---- */

function verdict(item) {
	if (item.error)
		return ['bad', 'Not known'];
	if (item.pending)
		return ['busy', 'Being read'];
	return item.healthy ? item.problems.length ? ['warn', 'Running'] : ['good', 'Healthy'] : ['bad', 'Degraded'];
}

function problems(item) {
	const list = [];
	if (item.error)
		list.push(el('div.callout.bad', null, el('strong', null, 'It cannot be read'), el('p', null, item.error),
			item.read && el('p', null, 'Shown is what was so ', when(item.read), '.')));
	for (const {severity, text} of item.problems || [])
		list.push(el(`div.callout.${severity === 'error' ? 'bad' : 'warn'}`, null, el('p', null, text)));
	if (item.note)
		list.push(el('div.callout.warn', null, el('p', null, item.note)));
	return list;
}

function facts(item) {
	const planned = item.scheduledSwitchover;
	const all = [
		['Timeline', item.timeline],
		['Leader since', item.leader && item.leaderSince && when(item.leaderSince)],
		['Last failover', item.lastFailover && [when(item.lastFailover), item.lastFailoverTo && ` to ${item.lastFailoverTo}`]],
		['Synchronous', item.syncMode && item.syncMode !== 'off' && (item.syncMode === 'on' ? 'yes' : item.syncMode)],
		['Maintenance mode', item.paused && 'on: nobody takes over by itself'],
		['Switchover', planned && `${planned.at}${planned.to ? ` to ${planned.to}` : ''}`],
		['Operator', item.operator && item.operator.status],
		['Read', item.read && when(item.read)],
	].filter(([, value]) => value);
	return all.map(([title, value]) => el('div', null, el('dt', null, title), el('dd', null, value)));
}

function rows(item) {
	return table([['Member'], ['Role'], ['State'], ['Timeline', 'num'], ['Behind', 'line'], ['Host'], ['Pending restart']], (item.members || []).map((member) => [
		el('span.strong', null, member.name), ROLES[member.role] || 'none', condition(member).text, member.timeline ? String(member.timeline) : '',
		leads(member) ? '' : behind(member), member.host || '', member.pendingRestart ? 'yes' : '']));
}

function makePicture() {
	const ghostBox = svg('rect.box', {height: HEIGHT, rx: 12});
	const ghostText = svg('text.name', {y: HEIGHT / 2 + 5, 'text-anchor': 'middle'}, 'no leader');
	const picture = {members: new Map(), arrows: svg('g'), nodes: svg('g'), title: svg('title'), desc: svg('desc'), ghostBox, ghostText,
		ghost: svg('g.ghost', {}, ghostBox, ghostText), head: el('div.card-head'), told: el('div.stack'), facts: el('dl.strip'), rows: el('div'),
		said: el('p.unseen', {role: 'status'})};
	picture.svg = svg('svg', {role: 'img'}, picture.title, picture.desc, picture.arrows, picture.ghost, picture.nodes);
	picture.frame = el('div.picture', null, picture.svg);
	picture.table = el('details', null, el('summary', null, 'As a table'), picture.rows);
	picture.node = el('article.card.cluster', null, picture.head, picture.told, picture.frame, picture.said, picture.facts, picture.table);
	new ResizeObserver(() => { /* a window that changes its size is no failover */
		picture.frame.classList.add('still');
		draw(picture);
	}).observe(picture.frame);
	return picture;
}

function update(picture, item) {
	const [tone, word] = verdict(item);
	const name = item.name || item.database;
	picture.item = item;
	picture.node.dataset.cluster = name;
	picture.node.classList.toggle('stale', Boolean(item.error));
	fill(picture.head, el('h3', null, item.namespace && el('span.dim', null, `${item.namespace}/`), name,
		name !== item.database && el('span.dim', null, ` · ${item.database}`)), el(`span.pill.${tone}`, null, word));
	fill(picture.told, problems(item));
	picture.told.hidden = !picture.told.firstChild;
	fill(picture.facts, facts(item));
	fill(picture.rows, rows(item));
	picture.table.hidden = picture.frame.hidden = !(item.members || []).length;
	write(picture.title, `Cluster ${name}: ${count((item.members || []).length, 'member')}`);
	write(picture.desc, sentence(item));
	const leader = (item.members || []).find(leads);
	write(picture.said, leader ? `${leader.name} leads ${name}` : '');
	picture.frame.getBoundingClientRect();
	picture.frame.classList.remove('still');
	draw(picture);
}

/* ---- what the page calls ---- */

export function any() {
	return pictures.size > 0;
}

export function hide(yes) {
	hidden = yes;
	box.hidden = hidden || !any();
}

export function show(items) {
	for (const name of pictures.keys())
		if (!items.some((item) => item.database === name))
			pictures.delete(name);
	const fresh = items.filter((item) => !pictures.has(item.database));
	fresh.forEach((item) => pictures.set(item.database, makePicture()));
	if (fresh.length || box.querySelectorAll('.cluster').length !== items.length)
		fill(box, items.length > 0 && section('Clusters', el('span.dim', null, 'as they are now'), el('div.stack', null, [...pictures.values()].map(({node}) => node))));
	hide(hidden);
	items.forEach((item) => update(pictures.get(item.database), item));
}
