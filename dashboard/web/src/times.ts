// Requests and failures over time, durations over time, and how many requests took how
// long. Drawn with uPlot, whose selection narrows the time.
import uPlot from 'uplot';
import { addKeys } from './brush.ts';
import type { Answer, Time } from './contract.ts';
import type { Cell } from './csv.ts';
import { el } from './dom.ts';
import { compact, count, moment, seconds } from './format.ts';
import type { Page, View } from './page.ts';
import { panel } from './panel.ts';
import { timeText } from './state.ts';
import { colour } from './theme.ts';

interface Line {
  title: string;
  of: (t: Time) => number | null;
  colour: string;
  dashed?: boolean;
  filled?: boolean;
}

const requestLines: Line[] = [
  { title: 'Requests', of: (t) => t.requests, colour: '--accent', filled: true },
  { title: 'Failures (4xx, 5xx)', of: (t) => t.failures, colour: '--warn' },
  { title: 'Server errors (5xx)', of: (t) => t.errors, colour: '--bad' },
  { title: 'Broken chain', of: (t) => t.faults, colour: '--violet', dashed: true },
];
const durationLines: Line[] = [
  { title: '99% are faster', of: (t) => t.p99, colour: '--bad' },
  { title: '90% are faster', of: (t) => t.p90, colour: '--warn' },
  { title: 'Half are faster', of: (t) => t.p50, colour: '--accent' },
];

const columns: (keyof Time)[] = ['at', 'requests', 'failures', 'errors', 'robots', 'nlb_private_ip', 'faults', 'p50', 'p90', 'p99'];

function timesTable(answer: Answer | undefined): Cell[][] {
  return [columns, ...(answer?.times ?? []).map((t) => columns.map((c) => t[c]))];
}

// Plot keeps one chart of uPlot, and makes it again for another size or theme.
class Plot {
  readonly root = el('div', { class: 'plot' });
  #chart: uPlot | undefined;
  #answer: Answer | undefined;
  #width = 0;

  constructor(
    readonly page: Page, readonly lines: Line[], readonly name: string,
    readonly write: (n: number) => string, readonly log: boolean,
  ) {
    new ResizeObserver(() => {
      const width = Math.floor(this.root.clientWidth);
      if (width === this.#width || width === 0) return;
      this.#width = width;
      this.#chart?.setSize({ width, height: 220 });
    }).observe(this.root);
  }

  canvas(): HTMLCanvasElement[] {
    return this.#chart ? [this.#chart.ctx.canvas] : [];
  }

  show(answer: Answer | undefined): void {
    this.#answer = answer;
    this.#chart?.destroy();
    this.#chart = undefined;
    if (answer === undefined) return;
    const shown = answer.times.length < 2 ? true : false;
    const before = !this.log && answer.times_before !== undefined;
    const positive = (n: number | null): number | null => (this.log && n === 0 ? null : n);
    const data: (number | null)[][] = [answer.times.map((t) => Date.parse(t.at) / 1000), ...this.lines.map((l) => answer.times.map((t) => positive(l.of(t))))];
    const series: uPlot.Series[] = [{ value: (_, at) => (at === null || at === undefined ? '' : moment(at * 1000)), label: 'Time (UTC)' },
      ...this.lines.map((l) => this.#series(l, shown))];
    if (before) {
      data.push((answer.times_before ?? []).map((t) => t.requests));
      series.push({ ...this.#series({ title: 'Requests before', of: (t) => t.requests, colour: '--muted', dashed: true }, shown) });
    }
    this.#width = Math.floor(this.root.clientWidth) || 600;
    this.#chart = new uPlot(this.#options(series), data as uPlot.AlignedData, this.root);
    const canvas = this.#chart.ctx.canvas;
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `${this.name}, ${answer.times.length} points from ${moment(answer.since)} to ${moment(answer.until)} UTC. Save as CSV to read the numbers.`);
    addKeys(this.#chart, {
      name: this.name, answer, narrow: (from, to) => this.#narrow(from, to),
      clear: () => this.page.go({ ...this.page.state, since: null, until: null }),
    });
  }

  #series(line: Line, points: boolean): uPlot.Series {
    const stroke = colour(line.colour);
    const s: uPlot.Series = {
      label: line.title, stroke, width: 1.5, points: { show: points, size: 6 },
      value: (_, n) => (n === null || n === undefined ? '–' : this.write(n)),
    };
    if (line.dashed) s.dash = [5, 4];
    if (line.filled) s.fill = colour('--accent-soft');
    return s;
  }

  #options(series: uPlot.Series[]): uPlot.Options {
    const axis: uPlot.Axis = {
      stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false },
      font: '12px system-ui, sans-serif',
    };
    const answer = this.#answer!;
    return {
      width: this.#width, height: 220, series,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), 'Etc/UTC'),
      cursor: { drag: { x: true, y: false, setScale: false }, sync: { key: 'clearhop-time' } },
      scales: {
        x: { time: true, range: () => [Date.parse(answer.since) / 1000, Math.max(Date.parse(answer.until), Date.parse(answer.since) + 1000) / 1000] },
        y: this.log ? { distr: 3 } : { range: (_, _low, high) => [0, high > 0 ? high * 1.08 : 1] },
      },
      axes: [{ ...axis, space: 90, values: (_, ticks) => ticks.map((at, i) => tick(at, ticks[i - 1])) }, { ...axis, size: 58, values: (_, ticks) => ticks.map((n) => (n === null ? '' : this.write(n))) }],
      hooks: {
        setSelect: [(u) => {
          if (u.select.width < 4) return;
          const [from, to] = [u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')];
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          this.#narrow(from * 1000, to * 1000);
        }],
      },
    };
  }

  // narrow goes to the buckets that were selected.
  #narrow(from: number, to: number): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    const step = answer.bucket * 1000;
    const origin = Date.parse(answer.times[0]?.at ?? answer.since);
    const since = Math.max(Date.parse(answer.since), origin + Math.floor((from - origin) / step) * step);
    const until = Math.min(Date.parse(answer.until), origin + Math.ceil((to - origin) / step) * step);
    if (until > since) this.page.go({ ...this.page.state, since: timeText(since), until: timeText(until) });
  }
}

// tick writes a time below a chart, in UTC: the day where it changes, else the time of day.
function tick(at: number, before: number | undefined): string {
  const [now, last] = [moment(at * 1000), before === undefined ? '' : moment(before * 1000)];
  const [day, clock] = [now.slice(0, 10), now.slice(11).replace(/:00$/, '')];
  if (day === last.slice(0, 10)) return clock;
  return clock === '00:00' ? day : `${clock}\n${day}`;
}

export interface Drawn extends View {
  redraw(): void;
}

export function timesView(page: Page): Drawn {
  let last: Answer | undefined;
  const plot = new Plot(page, requestLines, 'Requests over time', compact, false);
  const p = panel('times', 'Requests and failures over time', { table: () => timesTable(last), picture: () => ({ drawings: plot.canvas() }) });
  p.body.append(plot.root);
  return {
    root: p.root,
    redraw: () => plot.show(last),
    show(answer) {
      last = answer;
      p.note.textContent = `one point is ${step(answer.bucket)} · drag, or use the arrow keys and Enter, to choose a time`;
      plot.show(answer);
    },
  };
}

// step writes the length of a bucket.
export function step(s: number): string {
  for (const [unit, name] of [[604800, 'week'], [86400, 'day'], [3600, 'hour'], [60, 'minute']] as const) {
    if (s % unit === 0) return s === unit ? `1 ${name}` : `${s / unit} ${name}s`;
  }
  return s === 1 ? '1 second' : `${s} seconds`;
}

export function durationsView(page: Page): Drawn {
  let last: Answer | undefined;
  const plot = new Plot(page, durationLines, 'Durations over time', (n) => seconds(n), true);
  const p = panel('durations', 'How long requests take', { table: () => timesTable(last), picture: () => ({ drawings: plot.canvas() }) });
  const empty = el('p', { class: 'empty' }, 'No request of this selection has a duration. Log $request_time to see this.');
  p.body.append(plot.root, empty);
  const redraw = (): void => {
    const has = last?.total.p50 !== null && last !== undefined;
    plot.root.hidden = !has;
    empty.hidden = has;
    plot.show(has ? last : undefined);
  };
  return { root: p.root, redraw, show(answer) { last = answer; redraw(); } };
}

export function heatView(): Drawn {
  let last: Answer | undefined;
  const canvas = el('canvas', { class: 'heat', role: 'img' });
  const table = (): Cell[][] => [
    ['at', ...(last?.heat.edges ?? []).map((e) => `from ${seconds(e)}`)],
    ...(last?.times ?? []).map((t, i) => [t.at, ...(last?.heat.counts[i] ?? [])]),
  ];
  const p = panel('heat', 'Durations, all requests', { table, picture: () => ({ drawings: [canvas] }) });
  const read = el('p', { class: 'reading', 'aria-live': 'off' });
  const empty = el('p', { class: 'empty' }, 'No request of this selection has a duration.');
  p.body.append(canvas, read, empty);
  const redraw = (): void => {
    const has = last !== undefined && last.total.p50 !== null;
    canvas.hidden = read.hidden = !has;
    empty.hidden = has;
    if (has && last) drawHeat(canvas, last);
  };
  const hint = 'Each column is a part of the time. The darker a field, the more requests took that long.';
  read.textContent = hint;
  canvas.addEventListener('pointermove', (event) => { read.textContent = (last && readHeat(canvas, last, event)) ?? hint; });
  canvas.addEventListener('pointerleave', () => { read.textContent = hint; });
  new ResizeObserver(redraw).observe(p.body);
  return { root: p.root, redraw, show(answer) { last = answer; redraw(); } };
}

const heatLeft = 58;
const heatHeight = 244;
const heatFoot = 22;

function drawHeat(canvas: HTMLCanvasElement, answer: Answer): void {
  const width = canvas.parentElement?.clientWidth ?? 600;
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = heatHeight * ratio;
  const pen = canvas.getContext('2d');
  if (pen === null) return;
  pen.scale(ratio, ratio);
  const { edges, counts } = answer.heat;
  const tall = (heatHeight - heatFoot) / edges.length;
  const wide = (width - heatLeft) / Math.max(1, counts.length);
  const most = Math.max(1, ...counts.map((row) => Math.max(0, ...row)));
  pen.font = '12px system-ui, sans-serif';
  pen.textBaseline = 'middle';
  pen.textAlign = 'right';
  pen.fillStyle = colour('--muted');
  edges.forEach((edge, j) => {
    if (j % 2 === 0 || tall > 15) pen.fillText(j === edges.length - 1 ? `> ${seconds(edge)}` : seconds(edge), heatLeft - 8, heatHeight - heatFoot - (j + 0.5) * tall);
  });
  pen.textAlign = 'left';
  pen.fillText(moment(answer.since).slice(0, 16), heatLeft, heatHeight - 8);
  pen.textAlign = 'right';
  if (width > 420) pen.fillText(moment(answer.until).slice(0, 16), width, heatHeight - 8);
  pen.fillStyle = colour('--line');
  pen.globalAlpha = 0.35;
  pen.fillRect(heatLeft, 0, width - heatLeft, heatHeight - heatFoot);
  pen.fillStyle = colour('--accent');
  counts.forEach((row, i) => row.forEach((n, j) => {
    if (n === 0) return;
    pen.globalAlpha = 0.14 + 0.86 * Math.sqrt(n / most);
    const x = heatLeft + i * wide;
    pen.fillRect(x, heatHeight - heatFoot - (j + 1) * tall, Math.max(1, wide - (wide > 4 ? 1 : 0)), tall - 1);
  }));
  canvas.setAttribute('aria-label', 'Requests by time and duration. Save as CSV to read the numbers.');
}

function readHeat(canvas: HTMLCanvasElement, answer: Answer, event: PointerEvent): string | undefined {
  const { edges, counts } = answer.heat;
  const box = canvas.getBoundingClientRect();
  const i = Math.floor(((event.clientX - box.left - heatLeft) / (box.width - heatLeft)) * counts.length);
  const j = Math.floor(((heatHeight - heatFoot - (event.clientY - box.top)) / (heatHeight - heatFoot)) * edges.length);
  const [time, n, low, high] = [answer.times[i], counts[i]?.[j], edges[j], edges[j + 1]];
  if (time === undefined || n === undefined || low === undefined) return undefined;
  return `${moment(time.at)} UTC, ${high === undefined ? `${seconds(low)} and longer` : `${seconds(low)} to ${seconds(high)}`}: ${count(n)} requests`;
}
