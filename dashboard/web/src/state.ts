// The state of the page: what stands behind # in its address. dashboard/contract.go
// describes the keys. Keys and values that are not known are left out.
import type { State } from './snapshot/plan.ts';

export type { State } from './snapshot/plan.ts';

export const kinds = [
  { id: '', title: 'Everyone', means: 'people and robots, without health checks' },
  { id: 'people', title: 'People', means: 'no robots and no health checks' },
  { id: 'robots', title: 'Robots', means: 'user agents that say they are robots' },
  { id: 'health_checks', title: 'Health checks', means: 'probes of the load balancer' },
  { id: 'all', title: 'All', means: 'everything, health checks too' },
];

const mostValues = 200;
const mostSearch = 200; // bytes

export function emptyState(): State {
  return { since: null, until: null, filters: [], kind: '', search: '', compare: false };
}

// parse reads a query. Dimensions are those of the manifest.
export function parse(query: string, dimensions: string[]): State {
  const s = emptyState();
  const keys = new URLSearchParams(query.replace(/^[#?]/, ''));
  s.since = time(keys.get('since'));
  s.until = time(keys.get('until'));
  if (s.since !== null && s.until !== null && Date.parse(s.since) >= Date.parse(s.until)) s.since = s.until = null;
  const kind = keys.get('kind') ?? '';
  if (kinds.some((k) => k.id === kind)) s.kind = kind;
  s.search = cutSearch(keys.get('q') ?? '');
  s.compare = keys.get('compare') === '1';
  for (const dimension of dimensions) {
    const exclude = !keys.has(`f.${dimension}`);
    const values = [...new Set(keys.getAll(`${exclude ? 'x' : 'f'}.${dimension}`))].slice(0, mostValues);
    if (values.length > 0) s.filters.push({ dimension, values, exclude });
  }
  return s;
}

// print writes the query that parse reads.
export function print(s: State): string {
  const keys = new URLSearchParams();
  if (s.since !== null) keys.set('since', s.since);
  if (s.until !== null) keys.set('until', s.until);
  if (s.compare) keys.set('compare', '1');
  if (s.kind !== '') keys.set('kind', s.kind);
  for (const f of s.filters) for (const value of f.values) keys.append(`${f.exclude ? 'x' : 'f'}.${f.dimension}`, value);
  if (s.search !== '') keys.set('q', s.search);
  return keys.toString();
}

function time(text: string | null): string | null {
  if (text === null || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text)) return null;
  const at = Date.parse(text);
  if (Number.isNaN(at) || at < 0 || at >= Date.UTC(2201, 0, 1)) return null;
  return timeText(at);
}

// timeText writes a time as the state holds it.
export function timeText(at: number): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}

// cutSearch keeps as much of a text as may be looked for.
export function cutSearch(text: string): string {
  let cut = text.toWellFormed?.() ?? text;
  while (new TextEncoder().encode(cut).length > mostSearch) cut = [...cut].slice(0, -1).join('');
  return cut;
}

// How a value is chosen: alone, beside those that are chosen, or so that it is left out.
export type Choice = 'only' | 'add' | 'exclude';

// choose returns the state in which a value of a dimension is chosen. What is chosen
// already is no longer chosen then.
export function choose(s: State, dimension: string, value: string, how: Choice): State {
  const old = s.filters.find((f) => f.dimension === dimension);
  const exclude = how === 'exclude';
  let values = [value];
  if (old !== undefined && old.exclude === exclude) {
    const has = old.values.includes(value);
    if (how === 'only') values = has && old.values.length === 1 ? [] : [value];
    else values = has ? old.values.filter((v) => v !== value) : [...old.values, value].slice(0, mostValues);
  }
  return withFilter(s, dimension, values, exclude);
}

// without returns the state without a value, or without the whole filter of a dimension.
export function without(s: State, dimension: string, value?: string): State {
  const old = s.filters.find((f) => f.dimension === dimension);
  if (old === undefined) return s;
  return withFilter(s, dimension, value === undefined ? [] : old.values.filter((v) => v !== value), old.exclude);
}

function withFilter(s: State, dimension: string, values: string[], exclude: boolean): State {
  const filters = s.filters.filter((f) => f.dimension !== dimension);
  if (values.length > 0) filters.push({ dimension, values, exclude });
  return { ...s, filters };
}

// choiceOf says how a click or a key chooses.
export function choiceOf(event: { shiftKey: boolean; altKey: boolean; ctrlKey: boolean; metaKey: boolean }): Choice {
  if (event.altKey || event.ctrlKey || event.metaKey) return 'exclude';
  return event.shiftKey ? 'add' : 'only';
}

// A Chip is a filter that is shown.
export interface Chip {
  text: string;
  value: string | null; // a text of a log line, shown beside
  without: State;
}

// chips are what narrows the state, in the order in which it is shown.
export function chips(s: State, titles: Map<string, { title: string; none: string }>): Chip[] {
  const all: Chip[] = [];
  for (const f of s.filters) {
    const words = titles.get(f.dimension);
    for (const value of f.values) {
      all.push({
        text: `${words?.title ?? f.dimension}${f.exclude ? ' not' : ':'}`,
        value: value === '' ? (words?.none ?? 'none') : value,
        without: without(s, f.dimension, value),
      });
    }
  }
  if (s.search !== '') all.push({ text: 'Contains', value: s.search, without: { ...s, search: '' } });
  return all;
}
