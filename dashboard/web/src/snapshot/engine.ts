// Counts the requests of a file. The answers are those of dashboard/explorer.go: the tests
// hold both to the same cases.
//
// The rows stand by time, so a time is a range of rows, and the buckets are ranges in it.
// failed has for each row how many filters it does not pass. A filter that changes is
// counted out and in again by the values of its dimension; the others are left alone.
// Each dimension is then counted in one pass over the rows that are left.
import { boardRows, endedMin } from '../contract.ts';
import type { Answer, Board, Chain, Country, Hop, Manifest, Request, Requests, Row, Time, Totals } from '../contract.ts';
import type { Dictionary, Table } from './decode.ts';
import { planOf, timeText } from './plan.ts';
import type { Plan, State } from './plan.ts';

const units = 65536; // weights are multiples of 1/units
const maxCountries = 1000;
const shownAddresses = 8;
const mostCells = 400_000; // combinations times buckets that are counted in one pass
const keptAnswers = 8;
const mostCombinations = 512; // of a group
export const heatEdges = [0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60];

// What a row says, as bits.
const failure = 1;
const error = 2;
const robot = 4;
const known = 8; // has a client
const vouched = 16; // has a client, and the chain vouches for it
const nlb = 32;
const fault = 64;
const healthCheck = 128;

// A Selection is rows in the order of time, and where the buckets begin in them.
interface Selection {
  rows: Uint32Array;
  starts: Uint32Array; // one more than there are buckets
  edges: Uint32Array; // as starts, in rows of the table
  cells: Map<Group, Cells>; // what was counted of groups
  values: Map<string, Counts>; // what was counted of dimensions
}

// Postings are the rows of each value, in order: those of a code stand from starts[code]
// to starts[code + 1].
interface Postings {
  starts: Uint32Array;
  rows: Uint32Array;
}

// A Group is dimensions of few values that are counted in one pass: codes has a number for
// each combination of their values that occurs, and members the code of each dimension by
// that number.
interface Group {
  size: number;
  codes: Uint16Array;
  members: Map<string, Uint16Array>;
}

// A Filtered is a filter that is counted in failed.
interface Filtered {
  key: string;
  fails: Uint8Array; // by value: 1 for those that do not pass
  codes: Dictionary['codes'] | Uint8Array;
}

// Cells are the counts of a group: all by combination, in the form of countValues, and
// requests by bucket and combination.
interface Cells {
  all: Counts;
  requests: Counts;
}

type Counts = Uint32Array | Float64Array;
type Percentiles = [number | null, number | null, number | null]; // 50, 90, 99 of 100, in seconds

export class Engine {
  readonly #table: Table;
  readonly #manifest: Manifest;
  readonly #first: number | undefined;
  readonly #last: number | undefined;
  readonly #flags: Uint8Array;
  readonly #failed: Uint8Array;
  readonly #filtered = new Map<string, Filtered>();
  readonly #weights: Float64Array | undefined; // by row; undefined if all rows have the same
  readonly #weight: number; // of every row, in units
  readonly #durations: Dictionary;
  readonly #heat: Uint8Array; // by the code of a duration
  readonly #bytes: Float64Array; // by row, times the weight
  readonly #groups: Group[];
  readonly #places = new Map<string, Map<string, number>>();
  readonly #lower = new Map<string, string[]>();
  readonly #labels = new Map<string, string[]>();
  readonly #postings = new Map<string, Postings>();
  readonly #ofClient = new Map<string, Uint32Array | null>(); // by dimension: its code by that of the client
  readonly #answers = new Map<string, Answer>();
  #selected: { key: string; selection: Selection } | undefined; // the last one of all filters

  constructor(table: Table, manifest: Manifest) {
    this.#table = table;
    this.#manifest = manifest;
    if (table.rows > 0) {
      this.#first = table.times[0];
      this.#last = table.times[table.rows - 1];
    }
    this.#flags = this.#readFlags();
    this.#failed = new Uint8Array(table.rows);
    const weight = this.#column('weight');
    this.#weight = weight.size === 1 ? weight.numbers[0]! : 1;
    if (weight.size > 1) this.#weights = valuesOf(weight);
    this.#durations = this.#column('duration_ns');
    this.#heat = Uint8Array.from(this.#durations.numbers, (ns) => {
      let i = 0;
      while (i + 1 < heatEdges.length && ns >= Math.round(heatEdges[i + 1]! * 1e9)) i++;
      return i;
    });
    this.#bytes = valuesOf(this.#column('bytes'));
    const weights = this.#weights;
    if (weights !== undefined) for (let i = 0; i < weights.length; i++) this.#bytes[i] = this.#bytes[i]! * (weights[i]! / units);
    this.#groups = this.#makeGroups();
  }

  #makeGroups(): Group[] {
    const small = this.#manifest.dimensions.filter((d) => d.board).map((d) => ({ id: d.id, ...this.#column(d.id) }))
      .filter((d) => d.size <= mostCombinations).sort((a, b) => a.size - b.size);
    const groups: Group[] = [];
    let group: Group | undefined;
    for (const d of small) {
      const more = group === undefined ? undefined : join(group, d);
      if (more === undefined) {
        group = { size: d.size, codes: d.codes instanceof Uint16Array ? d.codes : Uint16Array.from(d.codes), members: new Map([[d.id, Uint16Array.from({ length: d.size }, (_, code) => code)]]) };
        groups.push(group);
      } else {
        group = more;
        groups[groups.length - 1] = group;
      }
    }
    return groups;
  }

  // column returns a column of the file, or one without values if an older file lacks it.
  #column(name: string): Dictionary {
    let d = this.#table.columns.get(name);
    if (d === undefined) {
      d = { size: 1, codes: new Uint16Array(this.#table.rows), texts: [''], numbers: new Float64Array(1), null: false };
      this.#table.columns.set(name, d);
    }
    return d;
  }

  #readFlags(): Uint8Array {
    const flags = new Uint8Array(this.#table.rows);
    let always = 0; // what all rows have
    const mark = (name: string, of: (d: Dictionary, code: number) => number) => {
      const d = this.#column(name);
      const bits = Uint8Array.from({ length: d.size }, (_, code) => of(d, code));
      if (bits.every((b) => b === bits[0])) {
        always |= bits[0] ?? 0;
        return;
      }
      const codes = d.codes;
      for (let i = 0; i < flags.length; i++) flags[i] = flags[i]! | bits[codes[i]!]!;
    };
    const faults = new Set(this.#manifest.reasons.filter((r) => r.fault).map((r) => r.code));
    mark('status', (d, code) => {
      const status = Number(d.texts[code]);
      return (status >= 400 ? failure : 0) | (status >= 500 ? error : 0);
    });
    mark('robot', (d, code) => (d.numbers[code] === 1 ? robot : 0));
    mark('nlb_private_ip', (d, code) => (d.numbers[code] === 1 ? nlb : 0));
    mark('vouched', (d, code) => (d.numbers[code] === 1 ? vouched : 0));
    mark('client', (d, code) => (d.texts[code] === '' ? 0 : known));
    mark('reason', (d, code) => (faults.has(d.texts[code]!) ? fault : 0));
    mark('verdict', (d, code) => (d.texts[code] === 'health_check' ? healthCheck : 0));
    const meant = Uint8Array.from({ length: 256 }, (_, bits) => ((bits | always) & known) === 0 ? (bits | always) & ~vouched : bits | always);
    for (let i = 0; i < flags.length; i++) flags[i] = meant[flags[i]!]!;
    return flags;
  }

  // place returns where a value stands in the dictionary of a dimension.
  #place(dimension: string, value: string): number | undefined {
    let places = this.#places.get(dimension);
    if (places === undefined) {
      places = new Map(this.#column(dimension).texts.map((text, code) => [text, code]));
      this.#places.set(dimension, places);
    }
    return places.get(value);
  }

  #chosen(s: State, dimension: string): number[] {
    const values = s.filters.find((f) => f.dimension === dimension)?.values ?? [];
    return values.map((v) => this.#place(dimension, v)).filter((code) => code !== undefined);
  }

  #lowerTexts(name: string): string[] {
    let texts = this.#lower.get(name);
    if (texts === undefined) {
      texts = this.#column(name).texts.map(lower);
      this.#lower.set(name, texts);
    }
    return texts;
  }

  // filter makes failed be what the State asks for.
  #filter(s: State): void {
    const wanted = new Map<string, () => Omit<Filtered, 'key'>>();
    wanted.set(`kind ${s.kind}`, () => ({ fails: failsKind(s.kind), codes: this.#flags }));
    if (s.search !== '') wanted.set(`search ${s.search}`, () => this.#search(s.search));
    for (const f of s.filters) {
      wanted.set(JSON.stringify([f.dimension, f.exclude, f.values]), () => {
        const d = this.#column(f.dimension);
        const fails = new Uint8Array(d.size).fill(f.exclude ? 0 : 1);
        for (const code of this.#chosen(s, f.dimension)) fails[code] = f.exclude ? 1 : 0;
        return { fails, codes: d.codes };
      });
    }
    const names = new Map([...wanted.keys()].map((key) => [key, nameOf(key)]));
    for (const [name, old] of this.#filtered) {
      if (!wanted.has(old.key)) {
        this.#count(old, -1);
        this.#filtered.delete(name);
      }
    }
    for (const [key, make] of wanted) {
      const name = names.get(key)!;
      if (this.#filtered.has(name)) continue;
      const filtered = { key, ...make() };
      this.#count(filtered, 1);
      this.#filtered.set(name, filtered);
    }
  }

  #count(f: Filtered, by: number): void {
    const { fails, codes } = f;
    const failed = this.#failed;
    if (!fails.includes(1)) return;
    if (by > 0) for (let i = 0; i < failed.length; i++) failed[i] = failed[i]! + fails[codes[i]!]!;
    else for (let i = 0; i < failed.length; i++) failed[i] = failed[i]! - fails[codes[i]!]!;
  }

  #search(text: string): Omit<Filtered, 'key'> {
    const part = lower(text);
    const codes = new Uint8Array(this.#table.rows).fill(1);
    for (const name of ['path', 'client', 'agent', 'user_agent']) {
      const found = Uint8Array.from(this.#lowerTexts(name), (t) => (t.includes(part) ? 1 : 0));
      const of = this.#column(name).codes;
      if (found.includes(1)) for (let i = 0; i < codes.length; i++) if (found[of[i]!] === 1) codes[i] = 0;
    }
    return { fails: Uint8Array.of(0, 1), codes };
  }

  // below returns how many rows came before a time.
  #below(at: number): number {
    const times = this.#table.times;
    let [low, high] = [0, times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // selectAll returns the rows that pass all filters. The chain and the panels ask for the
  // same ones.
  #selectAll(p: Plan): Selection {
    const key = JSON.stringify([p.since, p.until, [...this.#filtered.values()].map((f) => f.key).sort()]);
    if (this.#selected?.key !== key) this.#selected = { key, selection: this.#select(p, false, '') };
    return this.#selected.selection;
  }

  // select returns the rows that pass all filters but that of one dimension. With before
  // they are those of the time before.
  #select(p: Plan, before: boolean, without: string): Selection {
    const shift = before ? p.until - p.since : 0;
    const first = this.#below(p.since - shift);
    const end = this.#below(p.until - shift);
    const rows = new Uint32Array(end - first);
    const starts = new Uint32Array(p.starts.length + 1);
    const edges = new Uint32Array(p.starts.length + 1);
    const failed = this.#failed;
    const own = without === '' ? undefined : this.#filtered.get(without);
    let n = 0;
    let i = first;
    for (let b = 0; b < p.starts.length; b++) {
      starts[b] = n;
      edges[b] = i;
      const to = b + 1 < p.starts.length ? Math.min(this.#below(p.starts[b + 1]! - shift), end) : end;
      if (own === undefined) {
        for (; i < to; i++) {
          rows[n] = i;
          n += failed[i] === 0 ? 1 : 0;
        }
      } else {
        const { fails, codes } = own;
        for (; i < to; i++) {
          rows[n] = i;
          n += failed[i] === fails[codes[i]!]! ? 1 : 0;
        }
      }
    }
    starts[p.starts.length] = n;
    edges[p.starts.length] = end;
    return { rows: rows.subarray(0, n), starts, edges, cells: new Map(), values: new Map() };
  }

  // counts makes counters: of rows if all have the same weight, else of units.
  #counts(n: number): Counts {
    return this.#weights === undefined ? new Uint32Array(n) : new Float64Array(n);
  }

  // requests turns a counter into requests.
  #requests(count: number): number {
    return Math.floor((count * this.#weight) / units + 0.5);
  }

  explore(s: State): Answer {
    const key = JSON.stringify([s.since, s.until, s.filters, s.kind, s.search, s.compare]);
    let a = this.#answers.get(key);
    if (a === undefined) {
      a = this.#explore(s);
      if (this.#answers.size >= keptAnswers) this.#answers.delete(this.#answers.keys().next().value!);
      this.#answers.set(key, a);
    }
    return a;
  }

  #explore(s: State): Answer {
    const p = planOf(s, this.#first, this.#last);
    this.#filter(s);
    const now = this.#selectAll(p);
    const before = p.compare ? this.#select(p, true, '') : undefined;
    const heat = p.starts.map(() => new Array<number>(heatEdges.length).fill(0));
    const [total, times] = this.#times(p, now, 0, heat);
    const a: Answer = {
      since: timeText(p.since), until: timeText(p.until), bucket: p.bucket / 1000,
      total, times, heat: { edges: heatEdges, counts: heat }, boards: [], countries: [],
    };
    if (before !== undefined) {
      const [total, times] = this.#times(p, before, p.until - p.since, undefined);
      a.before = total;
      if (times.length > 0) a.times_before = times;
    }
    for (const d of this.#manifest.dimensions) {
      if (!d.board) continue;
      const filtered = s.filters.some((f) => f.dimension === d.id);
      const selections: [Selection, Selection | undefined] = filtered
        ? [this.#select(p, false, d.id), p.compare ? this.#select(p, true, d.id) : undefined] : [now, before];
      const chosen = this.#chosen(s, d.id);
      const b = this.#board(p, d.id, selections, d.id === 'country' ? maxCountries : boardRows, '', chosen);
      if (d.id === 'country') {
        a.countries = b.rows.filter((r) => r.value !== '').map((r): Country => ({ code: r.value, requests: r.requests, failures: r.failures }));
        b.rows = b.rows.filter((r, i) => i < boardRows || chosen.includes(this.#place(d.id, r.value)!));
      }
      a.boards.push(b);
    }
    return a;
  }

  // times counts the buckets, and all together.
  #times(p: Plan, selection: Selection, shift: number, heat: number[][] | undefined): [Totals, Time[]] {
    const all = this.#counts(256);
    let bytes = 0;
    const [rows, sizes] = [selection.rows, this.#bytes];
    for (let k = 0; k < rows.length; k++) bytes += sizes[rows[k]!]!;
    const latency = new Latency(this.#durations.numbers, this.#durations.null, () => this.#counts(this.#durations.size));
    const times = p.starts.map((at, b): Time => {
      const flags = this.#counts(256);
      this.#countFlags(flags, selection, b);
      for (let f = 0; f < 256; f++) all[f] = all[f]! + flags[f]!;
      const n = this.#sums(flags);
      const [p50, p90, p99] = this.#bucketLatency(latency, selection, b, heat?.[b]);
      return {
        at: timeText(at - shift), requests: n.requests, failures: n.failures, errors: n.errors, robots: n.robots,
        nlb_private_ip: n.nlb_private_ip, faults: n.faults, p50, p90, p99,
      };
    });
    const clients = this.#countValues('client', selection);
    const client = this.#column('client');
    let different = 0;
    for (let code = 0; code < client.size; code++) if (clients[2 * code]! + clients[2 * code + 1]! > 0 && client.texts[code] !== '') different++;
    const [p50, p90, p99] = latency.total();
    const scale = this.#weights === undefined ? this.#weight / units : 1;
    return [{ ...this.#sums(all), clients: different, bytes: Math.floor(bytes * scale + 0.5), p50, p90, p99 }, times];
  }

  #countFlags(counts: Counts, { rows, starts }: Selection, b: number): void {
    const flags = this.#flags;
    const weights = this.#weights;
    const end = starts[b + 1]!;
    if (weights === undefined) {
      for (let k = starts[b]!; k < end; k++) {
        const f = flags[rows[k]!]!;
        counts[f] = counts[f]! + 1;
      }
      return;
    }
    for (let k = starts[b]!; k < end; k++) {
      const i = rows[k]!;
      counts[flags[i]!] = counts[flags[i]!]! + weights[i]!;
    }
  }

  #sums(flags: Counts): Omit<Totals, 'clients' | 'bytes' | 'p50' | 'p90' | 'p99'> {
    const of = (bit: number) => {
      let n = 0;
      for (let f = 0; f < 256; f++) if (bit === 0 || (f & bit) !== 0) n += flags[f]!;
      return this.#requests(n);
    };
    return {
      requests: of(0), failures: of(failure), errors: of(error), robots: of(robot), resolved: of(known),
      vouched: of(vouched), nlb_private_ip: of(nlb), faults: of(fault),
    };
  }

  #bucketLatency(latency: Latency, { rows, starts }: Selection, b: number, heat: number[] | undefined): Percentiles {
    const codes = this.#durations.codes;
    const weights = this.#weights;
    const cells = this.#counts(heatEdges.length + 1);
    latency.begin();
    if (this.#durations.null && this.#durations.size === 1) return latency.percentiles(); // no row has one
    for (let k = starts[b]!; k < starts[b + 1]!; k++) {
      const i = rows[k]!;
      latency.add(codes[i]!, weights === undefined ? 1 : weights[i]!);
    }
    if (heat !== undefined) {
      latency.eachBlock((code, n) => { cells[this.#heat[code]!] = cells[this.#heat[code]!]! + n; });
      for (let e = 0; e < heat.length; e++) heat[e] = this.#requests(cells[e]!);
    }
    return latency.percentiles();
  }

  // countValues counts a dimension: at 2 * code the requests that did not fail, and behind
  // it those that did. Who calls it does not change what it returns.
  #countValues(dimension: string, selection: Selection): Counts {
    let counts = selection.values.get(dimension);
    if (counts === undefined) {
      const ofClient = this.#clientsOf(dimension);
      counts = ofClient === null ? this.#countRows(dimension, selection) : this.#fromClients(dimension, ofClient, selection);
      selection.values.set(dimension, counts);
    }
    return counts;
  }

  #countRows(dimension: string, { rows }: Selection): Counts {
    const { codes, size } = this.#column(dimension);
    const counts = this.#counts(2 * size);
    const flags = this.#flags;
    const weights = this.#weights;
    if (weights === undefined) {
      for (let k = 0; k < rows.length; k++) {
        const i = rows[k]!;
        const cell = 2 * codes[i]! + (flags[i]! & failure);
        counts[cell] = counts[cell]! + 1;
      }
    } else {
      for (let k = 0; k < rows.length; k++) {
        const i = rows[k]!;
        const cell = 2 * codes[i]! + (flags[i]! & failure);
        counts[cell] = counts[cell]! + weights[i]!;
      }
    }
    return counts;
  }

  // fromClients sums the counts of clients, of which each has one value of the dimension.
  #fromClients(dimension: string, ofClient: Uint32Array, selection: Selection): Counts {
    const from = this.#countValues('client', selection);
    const counts = this.#counts(2 * this.#column(dimension).size);
    for (let client = 0; client < ofClient.length; client++) {
      const cell = 2 * ofClient[client]!;
      counts[cell] = counts[cell]! + from[2 * client]!;
      counts[cell + 1] = counts[cell + 1]! + from[2 * client + 1]!;
    }
    return counts;
  }

  // clientsOf returns the value of a dimension by client, where each client has one value
  // only (such as its network), and null where not, or where it would save nothing.
  #clientsOf(dimension: string): Uint32Array | null {
    let found = this.#ofClient.get(dimension);
    if (found !== undefined) return found;
    const client = this.#column('client');
    const column = this.#column(dimension);
    found = dimension === 'client' || column.size <= mostCombinations || client.size * 4 > this.#table.rows ? null : new Uint32Array(client.size);
    if (found !== null) {
      const of = found;
      const { codes } = column;
      const clients = client.codes;
      for (let i = 0; i < codes.length; i++) of[clients[i]!] = codes[i]!;
      for (let i = 0; i < codes.length; i++) {
        if (of[clients[i]!] === codes[i]) continue;
        found = null;
        break;
      }
    }
    this.#ofClient.set(dimension, found);
    return found;
  }

  #postingsOf(dimension: string): Postings {
    let p = this.#postings.get(dimension);
    if (p === undefined) {
      const { codes, size } = this.#column(dimension);
      p = { starts: new Uint32Array(size + 1), rows: new Uint32Array(codes.length) };
      const { starts, rows } = p;
      for (let i = 0; i < codes.length; i++) starts[codes[i]! + 1] = starts[codes[i]! + 1]! + 1;
      for (let code = 0; code < size; code++) starts[code + 1] = starts[code + 1]! + starts[code]!;
      const next = starts.slice();
      for (let i = 0; i < codes.length; i++) {
        const at = next[codes[i]!]!;
        next[codes[i]!] = at + 1;
        rows[at] = i;
      }
      this.#postings.set(dimension, p);
    }
    return p;
  }

  board(s: State, dimension: string, limit: number, find: string): Board {
    const p = planOf(s, this.#first, this.#last);
    this.#filter(s);
    const now = this.#select(p, false, dimension);
    const before = p.compare ? this.#select(p, true, dimension) : undefined;
    return this.#board(p, dimension, [now, before], limit, find, this.#chosen(s, dimension));
  }

  #board(p: Plan, dimension: string, [now, before]: [Selection, Selection | undefined], limit: number, find: string, chosen: number[]): Board {
    const column = this.#column(dimension);
    const buckets = p.starts.length;
    const part = lower(find);
    const lowered = find === '' ? undefined : this.#lowerTexts(dimension);
    const fits = (code: number) => lowered === undefined || lowered[code]!.includes(part);
    const cells = this.#cells(dimension, now, buckets);
    const counts = cells?.all ?? this.#countValues(dimension, now);
    const earlier = before === undefined ? undefined : this.#countValues(dimension, before);

    const top = new Top(limit);
    let [values, total] = [0, 0];
    for (let code = 0; code < column.size; code++) {
      const n = counts[2 * code]! + counts[2 * code + 1]!;
      if (n === 0) continue;
      total += n;
      if (!fits(code)) continue;
      values++;
      top.add(code, this.#requests(n));
    }
    const codes = top.codes();
    const more = chosen.filter((code) => counts[2 * code]! + counts[2 * code + 1]! > 0 && fits(code) && !codes.includes(code));
    const of = (code: number) => this.#requests(counts[2 * code]! + counts[2 * code + 1]!);
    more.sort((a, b) => of(b) - of(a) || a - b);
    codes.push(...more);
    const trend = cells === undefined
      ? this.#trends(dimension, now, codes, buckets)
      : (place: number, b: number) => cells.requests[b * column.size + codes[place]!]!;
    const labels = this.#labelsOf(dimension);
    return {
      dimension, values, requests: this.#requests(total),
      rows: codes.map((code, place): Row => {
        const row: Row = {
          value: column.texts[code]!, requests: of(code), failures: this.#requests(counts[2 * code + 1]!),
          trend: p.starts.map((_, b) => this.#requests(trend(place, b))),
        };
        const label = labels?.[code];
        if (label !== undefined && label !== '') row.label = label;
        if (earlier !== undefined) row.before = this.#requests(earlier[2 * code]! + earlier[2 * code + 1]!);
        return row;
      }),
    };
  }

  // cells counts a dimension of few values by bucket; undefined if it has many.
  #cells(dimension: string, selection: Selection, buckets: number): Cells | undefined {
    const { size } = this.#column(dimension);
    const group = this.#groups.find((g) => g.members.has(dimension));
    if (group === undefined || group.size * buckets > mostCells) return undefined;
    let of = selection.cells.get(group);
    if (of === undefined) {
      of = this.#countCells(group, selection, buckets);
      selection.cells.set(group, of);
    }
    const codes = group.members.get(dimension)!;
    const all = this.#counts(2 * size);
    const requests = this.#counts(size * buckets);
    for (let n = 0; n < group.size; n++) {
      const [code, ok, failed] = [codes[n]!, of.all[2 * n]!, of.all[2 * n + 1]!];
      if (ok + failed === 0) continue; // most filters leave few combinations
      all[2 * code] = all[2 * code]! + ok;
      all[2 * code + 1] = all[2 * code + 1]! + failed;
      for (let b = 0, to = code, from = n; b < buckets; b++, to += size, from += group.size) requests[to] = requests[to]! + of.requests[from]!;
    }
    return { all, requests };
  }

  // countCells counts a group by bucket.
  #countCells({ codes, size }: Group, { rows, starts }: Selection, buckets: number): Cells {
    const all = this.#counts(2 * size);
    const requests = this.#counts(size * buckets);
    const counts = this.#counts(2 * size); // of a bucket
    const flags = this.#flags;
    const weights = this.#weights;
    for (let b = 0; b < buckets; b++) {
      counts.fill(0);
      const end = starts[b + 1]!;
      if (weights === undefined) {
        for (let k = starts[b]!; k < end; k++) {
          const i = rows[k]!;
          const cell = 2 * codes[i]! + (flags[i]! & failure);
          counts[cell] = counts[cell]! + 1;
        }
      } else {
        for (let k = starts[b]!; k < end; k++) {
          const i = rows[k]!;
          const cell = 2 * codes[i]! + (flags[i]! & failure);
          counts[cell] = counts[cell]! + weights[i]!;
        }
      }
      for (let n = 0; n < size; n++) {
        const [ok, failed] = [counts[2 * n]!, counts[2 * n + 1]!];
        all[2 * n] = all[2 * n]! + ok;
        all[2 * n + 1] = all[2 * n + 1]! + failed;
        requests[b * size + n] = ok + failed;
      }
    }
    return { all, requests };
  }

  // trends counts some values by bucket: in the rows of these values, or in those of the
  // selection if these are fewer.
  #trends(dimension: string, selection: Selection, shown: number[], buckets: number): (place: number, b: number) => number {
    const width = shown.length;
    const counts = this.#counts(width * buckets);
    const postings = this.#postingsOf(dimension);
    let theirs = 0;
    for (const code of shown) theirs += postings.starts[code + 1]! - postings.starts[code]!;
    if (theirs < selection.rows.length) shown.forEach((code, place) => this.#trend(counts, place, width, dimension, code, selection));
    else this.#trendsOfRows(counts, width, dimension, shown, selection);
    return (place, b) => counts[b * width + place]!;
  }

  // trend counts one value in its own rows. The filters must be those of the selection.
  #trend(counts: Counts, place: number, width: number, dimension: string, code: number, { edges }: Selection): void {
    const { starts, rows } = this.#postingsOf(dimension);
    const own = this.#filtered.get(dimension);
    const passes = own === undefined ? 0 : own.fails[code]!;
    const failed = this.#failed;
    const weights = this.#weights;
    const last = edges.length - 1;
    let b = 0;
    for (let k = starts[code]!; k < starts[code + 1]!; k++) {
      const i = rows[k]!;
      if (i < edges[0]! || failed[i] !== passes) continue;
      if (i >= edges[last]!) break;
      while (i >= edges[b + 1]!) b++;
      const cell = b * width + place;
      counts[cell] = counts[cell]! + (weights === undefined ? 1 : weights[i]!);
    }
  }

  #trendsOfRows(counts: Counts, width: number, dimension: string, shown: number[], { rows, starts }: Selection): void {
    const { codes, size } = this.#column(dimension);
    const places = new Uint16Array(size); // 0 for those that are not shown
    shown.forEach((code, place) => { places[code] = place + 1; });
    const weights = this.#weights;
    for (let b = 0; b + 1 < starts.length; b++) {
      for (let k = starts[b]!; k < starts[b + 1]!; k++) {
        const i = rows[k]!;
        const place = places[codes[i]!]!;
        if (place === 0) continue;
        const cell = b * width + place - 1;
        counts[cell] = counts[cell]! + (weights === undefined ? 1 : weights[i]!);
      }
    }
  }

  // labelsOf returns the labels of a dimension by code; undefined if it has none.
  #labelsOf(dimension: string): string[] | undefined {
    const from = this.#table.columns.get(`${dimension}.label`);
    if (from === undefined) return undefined;
    let labels = this.#labels.get(dimension);
    if (labels === undefined) {
      const { codes, size } = this.#column(dimension);
      const last = new Uint32Array(size);
      for (let i = 0; i < codes.length; i++) if (from.codes[i]! > last[codes[i]!]!) last[codes[i]!] = from.codes[i]!;
      labels = Array.from(last, (code) => from.texts[code]!);
      this.#labels.set(dimension, labels);
    }
    return labels;
  }

  // requests returns single requests, the newest first. The cursor is the number of the
  // last row.
  requests(s: State, cursor: string, limit: number): Requests {
    const p = planOf({ ...s, compare: false }, this.#first, this.#last);
    this.#filter(s);
    const first = this.#below(p.since);
    let i = Math.min(this.#below(p.until), cursor === '' ? Infinity : Number(cursor));
    const rows: Request[] = [];
    while (--i >= first) {
      if (this.#failed[i] !== 0) continue;
      if (rows.length === limit) return { rows, next: String(i + 1) };
      rows.push(this.#request(i));
    }
    return { rows };
  }

  #request(i: number): Request {
    const text = (name: string) => {
      const d = this.#column(name);
      return d.texts[d.codes[i]!] ?? '';
    };
    const number = (name: string) => {
      const d = this.#column(name);
      return d.null && d.codes[i] === 0 ? null : d.numbers[d.codes[i]!]!;
    };
    const ns = number('duration_ns');
    return {
      id: '', at: timeText(this.#table.times[i]!), method: text('method'), host: text('host'), path: text('path'),
      status: Number(text('status')), bytes: number('bytes') ?? 0, seconds: ns === null ? null : ns / 1e9,
      client: text('client'), country: text('country'), network: text('network'), agent: text('user_agent'),
      referrer: text('referrer_url'), robot: number('robot') === 1, verdict: text('verdict'), reason: text('reason'),
      hop: text('hop'), field: text('field'), peer: text('node'), nlb: text('nlb'), vouched: number('vouched') === 1,
      shows_nlb: number('nlb_private_ip') === 1, alternatives: text('alternatives'), upstream: text('upstream'), stream: text('stream'),
    };
  }

  // chain counts the hops for a State. all is the chain of all lines.
  chain(s: State, all: Chain): Chain {
    const p = planOf({ ...s, compare: false }, this.#first, this.#last);
    this.#filter(s);
    const selection = this.#selectAll(p);
    const hop = this.#column('hop');
    const web = hop.texts.indexOf('web');
    const parts: { [id: string]: Selection } = {
      edge: web < 0 ? selection : part(selection, (i) => hop.codes[i] !== web),
      web: part(selection, web < 0 ? undefined : (i) => hop.codes[i] === web),
    };
    const of = (id: string): Hop => {
      const h: Hop = { id, addresses: [], more: 0, requests: 0, broken: 0 };
      const [dimension, seen] = { client: ['client', selection], nlb: ['node', parts['edge']!], edge: ['node', parts['web']!], web: ['upstream', parts['edge']!] }[id] as [string, Selection];
      this.#addresses(h, dimension, seen);
      const logged = parts[id];
      if (logged !== undefined) this.#logged(h, logged);
      return h;
    };
    return { ...all, hops: ['client', 'nlb', 'edge', 'web'].map(of) };
  }

  #addresses(h: Hop, dimension: string, seen: Selection): void {
    const { texts, size } = this.#column(dimension);
    const counts = this.#countValues(dimension, seen);
    const top = new Top(shownAddresses);
    let different = 0;
    for (let code = 0; code < size; code++) {
      const n = counts[2 * code]! + counts[2 * code + 1]!;
      if (n === 0 || texts[code] === '') continue;
      different++;
      top.add(code, this.#requests(n));
    }
    h.addresses = top.codes().map((code) => texts[code]!);
    h.more = different - h.addresses.length;
  }

  // logged counts what a hop logged, and says when its fault began and ended, as
  // dashboard/chain.go does.
  #logged(h: Hop, { rows, starts }: Selection): void {
    let [requests, broken, before, after, first, last] = [0, 0, 0, 0, -1, -1];
    for (let b = 0; b + 1 < starts.length; b++) {
      const known = requests;
      const faults = broken;
      for (let k = starts[b]!; k < starts[b + 1]!; k++) {
        const i = rows[k]!;
        const weight = this.#weights === undefined ? 1 : this.#weights[i]!;
        requests += weight;
        if ((this.#flags[i]! & fault) === 0) continue;
        broken += weight;
        if (first < 0) first = i;
        last = i;
      }
      if (broken > faults) after = 0;
      else if (first < 0) before += requests - known;
      else after += requests - known;
    }
    h.requests = this.#requests(requests);
    h.broken = this.#requests(broken);
    if (first < 0) return;
    h.since = timeText(this.#table.times[first]!);
    const later = this.#requests(after);
    if (later * h.broken >= endedMin * (h.requests - this.#requests(before) - later)) h.until = timeText(this.#table.times[last]!);
  }
}

// part returns the rows of a selection that fit; without fits none does.
function part({ rows, starts, edges }: Selection, fits?: (row: number) => boolean): Selection {
  const made = { edges, cells: new Map<Group, Cells>(), values: new Map<string, Counts>() };
  if (fits === undefined) return { ...made, rows: new Uint32Array(0), starts: new Uint32Array(starts.length) };
  const kept = new Uint32Array(rows.length);
  const from = new Uint32Array(starts.length);
  let n = 0;
  for (let b = 0; b + 1 < starts.length; b++) {
    from[b] = n;
    for (let k = starts[b]!; k < starts[b + 1]!; k++) {
      kept[n] = rows[k]!;
      n += fits(kept[n]!) ? 1 : 0;
    }
  }
  from[starts.length - 1] = n;
  return { ...made, rows: kept.subarray(0, n), starts: from };
}

// valuesOf returns the numbers by row.
function valuesOf({ codes, numbers }: Dictionary): Float64Array {
  const values = new Float64Array(codes.length);
  for (let i = 0; i < codes.length; i++) values[i] = numbers[codes[i]!]!;
  return values;
}

// join puts one more dimension into a group; undefined if there are too many combinations.
function join(group: Group, d: Dictionary & { id: string }): Group | undefined {
  if (d.size === 1) { // nothing but one value: it changes no combination
    return { size: group.size, codes: group.codes, members: new Map([...group.members, [d.id, new Uint16Array(group.size)]]) };
  }
  const numbers = new Uint16Array(group.size * d.size); // 1 + that of the combination
  const pairs: number[] = [];
  const codes = new Uint16Array(group.codes.length);
  for (let i = 0; i < codes.length; i++) {
    const pair = group.codes[i]! * d.size + d.codes[i]!;
    if (numbers[pair] === 0) {
      if (pairs.length === mostCombinations) return undefined;
      pairs.push(pair);
      numbers[pair] = pairs.length;
    }
    codes[i] = numbers[pair]! - 1;
  }
  const members = new Map([...group.members].map(([id, of]) => [id, Uint16Array.from(pairs, (pair) => of[Math.floor(pair / d.size)]!)]));
  members.set(d.id, Uint16Array.from(pairs, (pair) => pair % d.size));
  return { size: pairs.length, codes, members };
}

// nameOf returns of what a filter is: a dimension, or "kind" or "search" with a blank,
// which no dimension has.
function nameOf(key: string): string {
  return key.startsWith('[') ? (JSON.parse(key) as [string])[0] : key.slice(0, key.indexOf(' ') + 1);
}

function failsKind(kind: string): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, flags) => {
    const [check, machine] = [(flags & healthCheck) !== 0, (flags & robot) !== 0];
    switch (kind) {
      case 'people': return check || machine ? 1 : 0;
      case 'robots': return check || !machine ? 1 : 0;
      case 'health_checks': return check ? 0 : 1;
      case 'all': return 0;
      default: return check ? 1 : 0;
    }
  });
}

// lower writes a text in lower case, each character for itself: as Go and DuckDB do.
export function lower(text: string): string {
  // eslint-disable-next-line no-control-regex
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  let out = '';
  for (const c of text) out += c === '\u0130' ? 'i' : c.toLowerCase();
  return out;
}

// A Top keeps the codes with the highest numbers. They must be added in ascending order:
// of equal numbers the first ones stay.
class Top {
  readonly #entries: { code: number; n: number }[] = [];
  constructor(readonly limit: number) {}

  add(code: number, n: number): void {
    const all = this.#entries;
    if (all.length === this.limit && n <= all[all.length - 1]!.n) return;
    let [low, high] = [0, all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (all[middle]!.n >= n) low = middle + 1;
      else high = middle;
    }
    all.splice(low, 0, { code, n });
    if (all.length > this.limit) all.pop();
  }

  codes(): number[] {
    return this.#entries.map((e) => e.code);
  }
}

// A Latency finds percentiles by the nearest rank. The counters of 256 durations each are
// summed too, so that a bucket is not read value by value.
class Latency {
  readonly #all: Counts;
  readonly #fine: Counts;
  readonly #coarse: Counts;

  constructor(readonly numbers: Float64Array, readonly hasNull: boolean, make: () => Counts) {
    this.#all = make();
    this.#fine = make();
    this.#coarse = make().slice(0, (numbers.length >> 8) + 1);
  }

  begin(): void {
    this.#fine.fill(0);
    this.#coarse.fill(0);
  }

  add(code: number, weight: number): void {
    if (this.hasNull && code === 0) return;
    this.#fine[code] = this.#fine[code]! + weight;
    this.#coarse[code >> 8] = this.#coarse[code >> 8]! + weight;
    this.#all[code] = this.#all[code]! + weight;
  }

  // eachBlock calls f with each code that has requests.
  eachBlock(f: (code: number, n: number) => void): void {
    for (let c = 0; c < this.#coarse.length; c++) {
      if (this.#coarse[c] === 0) continue;
      const end = Math.min((c + 1) << 8, this.#fine.length);
      for (let code = c << 8; code < end; code++) if (this.#fine[code]! > 0) f(code, this.#fine[code]!);
    }
  }

  percentiles(): Percentiles {
    let total = 0;
    for (const n of this.#coarse) total += n;
    const at = (p: number): number | null => {
      if (total === 0) return null;
      let below = 0;
      let c = 0;
      while ((below + this.#coarse[c]!) * 100 < total * p) below += this.#coarse[c++]!;
      let code = c << 8;
      while ((below += this.#fine[code]!) * 100 < total * p) code++;
      return this.numbers[code]! / 1e9;
    };
    return [at(50), at(90), at(99)];
  }

  // total returns the percentiles of all that was added.
  total(): Percentiles {
    this.#fine.set(this.#all);
    this.#coarse.fill(0);
    for (let code = 0; code < this.#all.length; code++) this.#coarse[code >> 8] = this.#coarse[code >> 8]! + this.#all[code]!;
    return this.percentiles();
  }
}
