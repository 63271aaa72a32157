// The map of the world. Its colours are five steps of one scale, each ten times the one
// before or less.
import type { Answer } from './contract.ts';
import type { Cell } from './csv.ts';
import { el, svg } from './dom.ts';
import { compact, count, share } from './format.ts';
import type { Page, View } from './page.ts';
import { panel } from './panel.ts';
import { choiceOf } from './state.ts';
import world from './world.json';

const steps = 5;

export function mapView(page: Page): View {
  let last: Answer | undefined;
  const table = (): Cell[][] => [['country', 'requests', 'failures'], ...(last?.countries ?? []).map((c) => [c.code, c.requests, c.failures])];
  const picture = svg('svg', { class: 'map', viewBox: `0 0 ${world.width} ${world.height}`, role: 'img' });
  const p = panel('map', 'Where clients are', { table, picture: () => ({ drawings: [picture] }) });
  const legend = el('p', { class: 'legend' });
  const reading = el('p', { class: 'reading', 'aria-hidden': 'true' });
  p.body.append(picture, reading, legend);
  const shapes = draw(page, picture);
  const keys = keysOf(page, picture, shapes, reading);
  return {
    root: p.root,
    show(answer) {
      last = answer;
      const most = Math.max(0, ...answer.countries.map((c) => c.requests));
      const by = new Map(answer.countries.map((c) => [c.code, c]));
      const all = answer.boards.find((b) => b.dimension === 'country')?.requests ?? answer.total.requests;
      const filter = page.state.filters.find((f) => f.dimension === 'country');
      for (const shape of shapes) {
        const c = by.get(shape.code);
        const class_ = `land step-${stepOf(c?.requests ?? 0, most)}${filter && !filter.exclude && filter.values.includes(shape.code) ? ' chosen' : ''}${c ? ' has' : ''}`;
        for (const e of shape.elements) e.setAttribute('class', class_);
        shape.group.setAttribute('aria-selected', String(filter?.values.includes(shape.code) ?? false));
        shape.title.textContent = c ? `${shape.name}: ${count(c.requests)} requests, ${share(c.requests, all)}` : `${shape.name}: no requests`;
      }
      const top = [...answer.countries].sort((a, b) => b.requests - a.requests).slice(0, 5);
      const names = new Map(shapes.map((s) => [s.code, s.name]));
      keys.show(answer.countries.map((c) => c.code));
      picture.setAttribute('aria-label', top.length === 0 ? 'Map of the world. No country is known.'
        : `Map of the world. Most requests: ${top.map((c) => `${names.get(c.code) ?? c.code} ${count(c.requests)}`).join(', ')}. The arrow keys go from country to country, Enter chooses.`);
      p.note.textContent = `${count(answer.countries.length)} countries`;
      legend.replaceChildren(...legendOf(most));
    },
  };
}

interface Shape {
  code: string;
  name: string;
  group: SVGGElement;
  elements: SVGElement[];
  title: SVGTitleElement;
}

function draw(page: Page, picture: SVGSVGElement): Shape[] {
  const shapes: Shape[] = [];
  const points: SVGElement[] = [];
  for (const c of world.countries) {
    const elements: SVGElement[] = [];
    const title = svg('title');
    const group = svg('g', { 'aria-hidden': 'true' }, title);
    if (c.outline !== '') elements.push(svg('path', { d: c.outline }));
    if ('point' in c && c.point) elements.push(svg('circle', { cx: c.point[0] ?? 0, cy: c.point[1] ?? 0, r: 7 }));
    for (const e of elements) e.setAttribute('class', 'land');
    group.append(...elements);
    if (c.code !== '') {
      group.addEventListener('click', (event) => {
        if (elements.some((e) => e.classList.contains('has'))) page.choose('country', c.code, choiceOf(event));
      });
      shapes.push({ code: c.code, name: c.name, group, elements, title });
    }
    if ('point' in c) points.push(group); // above the others
    else picture.append(group);
  }
  picture.append(...points);
  return shapes;
}

// keysOf lets the arrow keys go through the countries that have requests, those with the
// most first. For screen readers the map is a list of them.
function keysOf(page: Page, picture: SVGSVGElement, shapes: Shape[], reading: HTMLElement): { show(codes: string[]): void } {
  const by = new Map(shapes.map((s) => [s.code, s]));
  let order: Shape[] = [];
  let active = '';
  const mark = (): void => {
    const has = document.activeElement === picture ? by.get(active) : undefined;
    for (const s of shapes) s.group.classList.toggle('active', s === has);
    if (has) picture.setAttribute('aria-activedescendant', has.group.id);
    else picture.removeAttribute('aria-activedescendant');
    reading.textContent = has?.title.textContent ?? '';
  };
  const steps: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  picture.addEventListener('keydown', (event) => {
    const step = steps[event.key];
    const place = order.findIndex((s) => s.code === active);
    if (step !== undefined && order.length > 0) active = order[Math.min(Math.max(place + step, 0), order.length - 1)]!.code;
    else if ((event.key === 'Enter' || event.key === ' ') && place >= 0) page.choose('country', active, choiceOf(event));
    else return;
    event.preventDefault();
    mark();
  });
  picture.addEventListener('focus', () => {
    if (!order.some((s) => s.code === active)) active = order[0]?.code ?? '';
    mark();
  });
  picture.addEventListener('blur', mark);
  return {
    show(codes) {
      order = codes.map((code) => by.get(code)).filter((s) => s !== undefined);
      for (const s of shapes) {
        if (order.includes(s)) {
          s.group.removeAttribute('aria-hidden');
          s.group.setAttribute('role', 'option');
          s.group.id = `country-${s.code}`;
          s.group.setAttribute('aria-label', s.title.textContent ?? s.name);
        } else {
          s.group.setAttribute('aria-hidden', 'true');
          for (const name of ['role', 'id', 'aria-label', 'aria-selected']) s.group.removeAttribute(name);
        }
      }
      picture.setAttribute('role', order.length === 0 ? 'img' : 'listbox');
      picture.toggleAttribute('aria-multiselectable', false);
      if (order.length > 0) {
        picture.setAttribute('tabindex', '0');
        picture.setAttribute('aria-multiselectable', 'true');
      } else picture.removeAttribute('tabindex');
      mark();
    },
  };
}

// stepOf gives 0 for none, and 1 to 5 by the logarithm.
export function stepOf(n: number, most: number): number {
  if (n <= 0) return 0;
  if (most <= 1) return steps;
  return Math.max(1, Math.ceil((Math.log(n + 1) / Math.log(most + 1)) * steps));
}

function legendOf(most: number): Node[] {
  if (most === 0) return [document.createTextNode('No country is known. Run clearhop with a GeoIP database to see where clients are.')];
  const parts: Node[] = [];
  for (let i = 1; i <= steps; i++) {
    const to = Math.max(i === steps ? most : 1, Math.floor((most + 1) ** (i / steps) - 1));
    parts.push(svg('svg', { class: 'swatch', viewBox: '0 0 12 12', 'aria-hidden': 'true' }, svg('rect', { class: `land step-${i}`, width: 12, height: 12 })),
      document.createTextNode(` to ${compact(to)} `));
  }
  return parts;
}
