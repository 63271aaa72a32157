// Single requests, newest first. Each opens to show the hops that it came by, and what the
// verdict on its client rests on.
import type { Request, Word } from './contract.ts';
import type { Cell } from './csv.ts';
import { button, el } from './dom.ts';
import { bytes, count, moment, seconds } from './format.ts';
import type { Page } from './page.ts';
import { panel } from './panel.ts';
import type { State } from './state.ts';
import { foreign } from './text.ts';

const pageLength = 50;

export interface RequestsView {
  root: HTMLElement;
  show(state: State): Promise<void>;
}

export function requestsView(page: Page): RequestsView {
  let rows: Request[] = [];
  let next = '';
  let asked = 0;
  const table = (): Cell[][] => [
    ['at', 'client', 'country', 'network', 'method', 'host', 'path', 'status', 'bytes', 'seconds', 'verdict', 'reason', 'agent', 'referrer'],
    ...rows.map((r) => [r.at, r.client, r.country, r.network, r.method, r.host, r.path, r.status, r.bytes, r.seconds, r.verdict, r.reason, r.agent, r.referrer]),
  ];
  const p = panel('requests', 'Requests', { table, picture: () => ({ table: table() }) });
  const body = el('tbody');
  const more = button('Show more', { class: 'quiet more' }, () => void load(page.state, next));
  p.body.append(
    el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Requests, newest first' },
      el('table', {}, el('thead', {}, el('tr', {}, ...['Time (UTC)', 'Client', 'Request', 'Status', 'Duration', 'Verdict'].map((t) => el('th', { scope: 'col' }, t)))), body)),
    more);

  const load = async (state: State, cursor: string): Promise<void> => {
    const mine = ++asked;
    more.disabled = true;
    try {
      const answer = await page.source.requests(state, cursor, pageLength);
      if (mine !== asked) return;
      if (cursor === '') { rows = []; body.replaceChildren(); }
      rows.push(...answer.rows);
      next = answer.next ?? '';
      for (const r of answer.rows) body.append(...rowOf(page, r));
      if (rows.length === 0) body.append(el('tr', {}, el('td', { colspan: 6, class: 'empty' }, 'No requests.')));
      more.hidden = next === '';
      p.note.textContent = `newest ${count(rows.length)}`;
    } catch (error) {
      if (mine === asked) page.fail('The requests', error);
    } finally {
      if (mine === asked) more.disabled = false;
    }
  };
  return { root: p.root, show: (state) => load(state, '') };
}

function rowOf(page: Page, r: Request): HTMLElement[] {
  const detail = el('tr', { class: 'detail', hidden: true });
  const open = button(moment(r.at), { class: 'link', 'aria-expanded': false, title: 'Show the hops and the evidence' }, () => {
    detail.hidden = !detail.hidden;
    open.setAttribute('aria-expanded', String(!detail.hidden));
    if (!detail.hidden && detail.childElementCount === 0) detail.append(el('td', { colspan: 6 }, details(page, r)));
  });
  const client = r.client === '' ? el('span', { class: 'none' }, 'no client')
    : button(foreign(r.client, 45), { class: 'link', title: 'Only this client' }, () => page.choose('client', r.client, 'only'));
  const row = el('tr', {},
    el('td', {}, open),
    el('td', {}, client, r.country === '' ? null : el('span', { class: 'label' }, foreign(r.country, 8))),
    el('td', { class: 'request' }, el('span', { class: 'method' }, foreign(r.method, 12)), ' ', foreign(r.path, 120)),
    el('td', { class: r.status >= 500 ? 'status bad' : r.status >= 400 ? 'status warn' : 'status' }, r.status === 0 ? '–' : String(r.status)),
    el('td', { class: 'figure' }, seconds(r.seconds)),
    el('td', {}, foreign(r.verdict, 20), r.shows_nlb ? el('span', { class: 'flag' }, 'NLB address') : null));
  return [row, detail];
}

function details(page: Page, r: Request): HTMLElement {
  const means = (words: Word[], code: string): string => words.find((w) => w.code === code)?.means ?? '';
  const hops: [string, string, boolean][] = [
    ['Client', r.client === '' ? 'not known' : r.client, r.client === ''],
    [r.nlb === '' ? 'Connected to nginx' : 'NLB', r.peer === '' ? 'not logged' : r.peer, r.shows_nlb],
    [r.hop === 'web' ? 'Web nginx' : 'nginx', r.stream === '' ? 'stream not known' : r.stream, false],
  ];
  if (r.upstream !== '') hops.push(['Upstream', r.upstream, false]);
  const list = el('ol', { class: 'hops' }, ...hops.map(([name, value, broken]) =>
    el('li', { class: broken ? 'broken' : '' }, el('b', {}, name), foreign(value, 60))));
  const facts: [string, string | HTMLElement][] = [
    ['Verdict', `${r.verdict}. ${means(page.manifest.verdicts, r.verdict)}`],
    ['Reason', `${r.reason}. ${means(page.manifest.reasons, r.reason)}`],
    ['Evidence', r.client === '' ? 'No field of the line holds a client.'
      : `The client is taken from ${r.field === '' ? 'the line' : `$${r.field.replace(/^\$/, '')}`}. ${r.vouched ? 'The chain vouches for it.' : 'Nobody vouches for it: a visitor can have written it.'}`],
  ];
  if (r.alternatives !== '') facts.push(['It may also be', r.alternatives.replaceAll(',', ', ')]);
  if (r.host !== '') facts.push(['Host', foreign(r.host)]);
  facts.push(['Path', foreign(r.path, 2000)]);
  if (r.network !== '') facts.push(['Network', foreign(r.network)]);
  if (r.agent !== '') facts.push(['User agent', foreign(r.agent, 400)]);
  if (r.referrer !== '') facts.push(['Referrer', foreign(r.referrer, 400)]);
  facts.push(['Sent', bytes(r.bytes)]);
  if (r.id !== '') facts.push(['event.id', foreign(r.id)]);
  return el('div', { class: 'evidence' }, list,
    el('dl', {}, ...facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])));
}
