// The numbers at the head.
import type { Answer, Manifest, Totals } from './contract.ts';
import type { Cell } from './csv.ts';
import { el } from './dom.ts';
import { bytes, change, compact, count, seconds, share } from './format.ts';
import type { View } from './page.ts';
import { panel } from './panel.ts';
import { spark } from './spark.ts';

interface Number {
  title: string;
  value: (t: Totals) => number | null;
  write: (n: number, t: Totals) => string;
  note?: (t: Totals) => string;
  distinct?: boolean; // it counts different values, which a sample has fewer of
  trend?: (a: Answer) => number[];
  bad?: boolean; // more of it is worse
}

const numbers: Number[] = [
  { title: 'Requests', value: (t) => t.requests, write: compact, trend: (a) => a.times.map((x) => x.requests) },
  { title: 'Clients', value: (t) => t.clients, write: compact, note: (t) => `${share(t.resolved, t.requests)} of requests have one`, distinct: true },
  { title: 'Clients vouched for', value: (t) => t.vouched, write: (n, t) => share(n, t.resolved), note: () => 'by the chain' },
  { title: 'Show an NLB address', value: (t) => t.nlb_private_ip, write: (n, t) => share(n, t.requests), note: (t) => `${count(t.nlb_private_ip)} requests`, trend: (a) => a.times.map((x) => x.nlb_private_ip), bad: true },
  { title: 'Server errors', value: (t) => t.errors, write: (n, t) => share(n, t.requests), note: (t) => `${count(t.errors)} with status 5xx`, trend: (a) => a.times.map((x) => x.errors), bad: true },
  { title: 'Failures', value: (t) => t.failures, write: (n, t) => share(n, t.requests), note: (t) => `${count(t.failures)} with 4xx or 5xx`, trend: (a) => a.times.map((x) => x.failures), bad: true },
  { title: 'Median duration', value: (t) => t.p50, write: (n) => seconds(n), note: (t) => `99%: ${seconds(t.p99)}`, bad: true },
  { title: 'Sent', value: (t) => t.bytes, write: (n) => bytes(n) },
  { title: 'Robots', value: (t) => t.robots, write: (n, t) => share(n, t.requests), note: (t) => `${count(t.robots)} requests`, trend: (a) => a.times.map((x) => x.robots) },
];

export function totalsView(manifest: Manifest): View {
  let last: Answer | undefined;
  const table = (): Cell[][] => [
    ['number', 'now', ...(last?.before ? ['before'] : [])],
    ...Object.entries(last?.total ?? {}).map(([name, value]) => [name, value as Cell, ...(last?.before ? [last.before[name as keyof Totals]] : [])]),
  ];
  const p = panel('totals', 'Totals', { table, picture: () => ({ table: table() }) });
  const list = el('dl', { class: 'totals' });
  p.body.append(list);
  return {
    root: p.root,
    show(answer) {
      last = answer;
      list.replaceChildren(...numbers.map((n) => tile(n, answer, manifest.sampled < 1)));
      p.note.textContent = answer.before ? 'compared with as much time before' : '';
    },
  };
}

function tile(n: Number, answer: Answer, sample: boolean): HTMLElement {
  const now = n.value(answer.total);
  const before = answer.before && n.value(answer.before);
  const extra: HTMLElement[] = [];
  if (now !== null && answer.before && before !== null && before !== undefined) {
    const worse = n.bad && now !== before ? (now > before ? ' worse' : ' better') : '';
    extra.push(el('dd', { class: `change${worse}` }, `${change(now, before)} from ${n.write(before, answer.before)}`));
  }
  const least = sample && n.distinct === true;
  if (least) extra.push(el('dd', { class: 'note' }, 'at least: only the sample is counted'));
  if (n.note) extra.push(el('dd', { class: 'note' }, n.note(answer.total)));
  return el('div', { class: 'tile' },
    el('dt', {}, n.title),
    el('dd', { class: 'value' }, now === null ? '–' : `${least ? '≥ ' : ''}${n.write(now, answer.total)}`, n.trend ? spark(n.trend(answer)) : null),
    ...extra);
}
