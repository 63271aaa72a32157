// The page: it reads the state behind #, asks the source, and gives the answers to the panels.
import { barView } from './bar.ts';
import type { Bar } from './bar.ts';
import { boardView } from './board.ts';
import { chainView } from './chain.ts';
import type { Answer, Manifest } from './contract.ts';
import { button, el } from './dom.ts';
import { count, moment } from './format.ts';
import { mapView } from './map.ts';
import type { Page, View } from './page.ts';
import { requestsView } from './requests.ts';
import type { RequestsView } from './requests.ts';
import { openSource } from './source.ts';
import type { Source } from './source.ts';
import { work } from './snapshot/worker.ts';
import { choose, parse, print } from './state.ts';
import type { Choice, State } from './state.ts';
import { themeSwitch } from './theme.ts';
import { durationsView, heatView, timesView } from './times.ts';
import type { Drawn } from './times.ts';
import { totalsView } from './totals.ts';

// A Dashboard is the page and what it shows.
class Dashboard implements Page {
  state: State;
  readonly source: Source;
  readonly manifest: Manifest;
  readonly #dimensions: string[];
  readonly #problem = el('div', { class: 'problem', role: 'alert', hidden: true });
  readonly #main = el('main');
  readonly #bar: Bar;
  readonly #chain = chainView();
  readonly #times: Drawn;
  readonly #durations: Drawn;
  readonly #heat = heatView();
  readonly #requests: RequestsView;
  readonly #views: View[];
  #asked = 0;

  constructor(source: Source, manifest: Manifest) {
    this.source = source;
    this.manifest = manifest;
    this.#dimensions = manifest.dimensions.map((d) => d.id);
    this.state = this.#address();
    this.#bar = barView(this);
    this.#times = timesView(this);
    this.#durations = durationsView(this);
    this.#requests = requestsView(this);
    const boards = manifest.dimensions.filter((d) => d.board).map((d) => boardView(this, d));
    const map = mapView(this);
    const totals = totalsView(manifest);
    this.#views = [totals, this.#times, this.#durations, this.#heat, map, ...boards];
    this.#main.append(this.#problem, this.#chain.root, totals.root, this.#times.root,
      el('div', { class: 'pair' }, this.#durations.root, this.#heat.root),
      map.root, el('div', { class: 'boards' }, ...boards.map((b) => b.root)), this.#requests.root);
    document.body.append(this.#head(), this.#bar.root, this.#main, foot(manifest));
    addEventListener('popstate', () => this.#shown());
    addEventListener('hashchange', () => this.#shown());
  }

  // go shows another state. The back button leads to this one.
  go(state: State): void {
    const query = print(parse(print(state), this.#dimensions)); // in the order of the dimensions
    if (query === print(this.state)) return;
    history.pushState(null, '', `#${query}`);
    this.#shown();
  }

  choose(dimension: string, value: string, how: Choice): void {
    this.go(choose(this.state, dimension, value, how));
  }

  fail(what: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.#problem.replaceChildren(el('p', {}, `${what} could not be read: ${text}`), button('Try again', {}, () => void this.ask()));
    this.#problem.hidden = false;
  }

  // ask asks for the state that is shown, and draws the answers. An answer that comes after
  // the next question is left out.
  async ask(): Promise<void> {
    const mine = ++this.#asked;
    const state = this.state;
    this.#main.setAttribute('aria-busy', 'true');
    this.#bar.show(state);
    const known = this.source.known?.(state);
    if (known) this.#chain.show(known.chain);
    // Where the page itself counts, the browser shows the filter before that.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const parts = [
      Promise.resolve(known?.answer ?? this.source.explore(state)).then((answer) => this.#draw(answer, mine)),
      known ? undefined : this.source.chain(state).then((chain) => {
        if (mine === this.#asked) this.#chain.show(chain);
      }),
      this.#requests.show(state),
    ];
    const failed = (await Promise.allSettled(parts)).find((r) => r.status === 'rejected');
    if (mine !== this.#asked) return;
    if (failed) this.fail('The answer', failed.reason);
    else this.#problem.hidden = true;
    this.#main.removeAttribute('aria-busy');
  }

  // draw shows an answer in the panels, those on the screen first. It lets the browser do
  // other things in between, so that the page is never stiff for long.
  async #draw(answer: Answer, mine: number): Promise<void> {
    const [seen, others] = split(this.#views, (view) => onScreen(view.root));
    let begin = performance.now();
    for (const view of [...seen, null, ...others]) {
      if (performance.now() - begin > mostDrawing && !document.hidden) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        begin = performance.now();
      }
      if (mine !== this.#asked) return;
      if (view === null) this.#bar.answered(answer); // it speaks of what can be seen now
      else keepFocus(() => view.show(answer));
    }
  }

  #address(): State {
    return parse(location.hash, this.#dimensions);
  }

  #shown(): void {
    const state = this.#address();
    if (print(state) === print(this.state)) return;
    this.state = state;
    void this.ask();
  }

  #head(): HTMLElement {
    const m = this.manifest;
    const theme = themeSwitch(() => {
      for (const view of [this.#times, this.#durations, this.#heat]) view.redraw();
    });
    return el('header', { class: 'head' },
      el('h1', {}, 'Clearhop'),
      el('p', { class: 'note' }, sourceText(m)),
      el('div', { class: 'tools' }, theme, button('Print', { class: 'quiet' }, () => window.print())));
  }
}

// mostDrawing is how long the page draws without a break, in milliseconds.
const mostDrawing = 12;

function onScreen(element: Element): boolean {
  const box = element.getBoundingClientRect();
  return box.top < innerHeight && box.bottom > 0;
}

function split<T>(all: T[], first: (one: T) => boolean): [T[], T[]] {
  const is = all.map(first);
  return [all.filter((_, i) => is[i]), all.filter((_, i) => !is[i])];
}

// keepFocus draws rows again, and gives the focus to the row that had it.
function keepFocus(draw: () => void): void {
  const key = document.activeElement instanceof HTMLElement ? document.activeElement.dataset['key'] : undefined;
  draw();
  if (key !== undefined) document.querySelector<HTMLElement>(`main [data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

function sourceText(m: Manifest): string {
  const read = m.first === null || m.last === null ? '' : `, ${moment(m.first)} to ${moment(m.last)} UTC`;
  const sampled = m.sampled < 1 ? `. A sample: each request stands for ${(1 / m.sampled).toFixed(1)}, and different clients, paths and other values are those of the sample only` : '';
  const folded = m.folded && m.folded.length > 0 ? `. Rare values of ${m.folded.map((f) => f.dimension).join(', ')} are counted together` : '';
  return `${m.source === '' ? '' : `${m.source}: `}${count(m.requests)} requests${read}${sampled}${folded}${m.live ? ' · live' : ''}`;
}

function foot(m: Manifest): HTMLElement {
  return el('footer', { class: 'note' },
    `Made by clearhop ${m.version} on ${moment(m.made)} UTC. Click a row to see only its requests; Shift adds, Alt or Ctrl leaves out. Map: Natural Earth.`);
}

// follow asks again when the server says that there are new events.
function follow(dashboard: Dashboard): void {
  const events = new EventSource('api/live');
  events.addEventListener('changed', () => void dashboard.ask());
}

async function main(script: string): Promise<void> {
  const wait = el('p', { class: 'wait', role: 'status', 'aria-busy': 'true' }, 'Reading the requests …');
  document.body.append(wait);
  try {
    const source = await openSource(document, script);
    const dashboard = new Dashboard(source, await source.manifest());
    wait.remove();
    await dashboard.ask();
    if (dashboard.manifest.live) follow(dashboard);
  } catch (error) {
    wait.removeAttribute('aria-busy');
    wait.className = 'wait problem';
    wait.replaceChildren(`The page cannot be shown: ${error instanceof Error ? error.message : String(error)} `, button('Try again', {}, () => location.reload()));
  }
}

// A page that is one file runs this script a second time, as a worker.
if (typeof document === 'undefined') work();
else void main(document.currentScript?.textContent ?? '');
