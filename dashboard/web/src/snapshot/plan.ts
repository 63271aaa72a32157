// Resolves the time of a State, as dashboard/plan.go does.
import { maxTimes } from '../contract.ts';

// A State as dashboard/contract.go describes it. Times are RFC 3339; null for no bound.
export interface State {
  since: string | null;
  until: string | null;
  filters: { dimension: string; values: string[]; exclude: boolean }[];
  kind: string;
  search: string;
  compare: boolean;
}

export interface Plan {
  since: number; // milliseconds since 1970
  until: number;
  bucket: number; // milliseconds
  compare: boolean;
  starts: number[]; // of the buckets
}

const second = 1000;
const week = 7 * 24 * 3600 * second;
const buckets = [1, 10, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 24 * 3600].map((s) => s * second).concat(week);
const monday = Date.UTC(1970, 0, 5);

function bucketFor(span: number, most: number): number {
  for (const b of buckets) if (Math.floor(span / b) + 1 < most) return b;
  return (Math.floor(Math.floor(span / week) / most) + 1) * week;
}

// milliseconds reads a time; what is finer is cut off.
function milliseconds(text: string | null): number | undefined {
  return text === null || text === '' ? undefined : Math.floor(Date.parse(text));
}

export function planOf(s: State, first: number | undefined, last: number | undefined): Plan {
  const [from, to] = [milliseconds(s.since), milliseconds(s.until)];
  let since = from ?? first;
  let until = to ?? (last === undefined ? undefined : last + 1);
  if (since === undefined && until === undefined) since = until = 0;
  else if (since === undefined) since = until;
  else if (until === undefined) until = since;
  if (until! < since!) {
    if (to === undefined) until = since;
    else since = until;
  }
  const bucket = bucketFor(until! - since!, maxTimes);
  const starts: number[] = [];
  for (let at = monday + Math.floor((since! - monday) / bucket) * bucket; at < until!; at += bucket) starts.push(at);
  return { since: since!, until: until!, bucket, compare: s.compare && from !== undefined, starts };
}

// timeText writes a time as Go does: without zeros at its end.
export function timeText(at: number): string {
  return new Date(at).toISOString().replace(/\.?0+Z$/, 'Z');
}
