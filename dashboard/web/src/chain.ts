// The picture that the page begins with: client, NLB, edge and web nginx, where the chain
// breaks, and the fix to paste.
import type { Chain, DiagnoseFinding, DiagnoseStep, Hop } from './contract.ts';
import type { Cell } from './csv.ts';
import { button, el, svg } from './dom.ts';
import { compact, count, moment, share, shorten, visible } from './format.ts';
import type { ChainView } from './page.ts';
import { panel } from './panel.ts';
import { foreign } from './text.ts';

const names: Record<string, { title: string; says: string; link: string[] }> = {
  client: { title: 'Client', says: 'who asks', link: ['TCP'] },
  nlb: { title: 'NLB', says: 'Network Load Balancer', link: ['PROXY', 'protocol v2'] },
  edge: { title: 'Edge nginx', says: 'behind the NLB', link: ['HTTP', 'headers'] },
  web: { title: 'Web nginx', says: 'behind the edge', link: [] },
};

const states: Record<string, { text: string; class: string }> = {
  healthy: { text: 'The chain: no fault can be seen', class: 'good' },
  broken: { text: 'The chain is broken', class: 'bad' },
  uncertain: { text: 'The chain may be broken', class: 'warn' },
  unknown: { text: 'It cannot be said whether the chain is right', class: 'warn' },
};

export function chainView(): ChainView {
  let last: Chain | undefined;
  const picture = svg('svg', { class: 'chain', role: 'img' });
  const table = (): Cell[][] => [
    ['hop', 'addresses', 'requests', 'broken', 'share', 'since', 'until'],
    ...(last?.hops ?? []).map((h) => [h.id, h.addresses.join(' '), h.requests, h.broken, h.requests > 0 ? h.broken / h.requests : null, h.since ?? '', h.until ?? '']),
  ];
  const p = panel('chain', 'The chain', { table, picture: () => ({ drawings: [picture] }) });
  const head = el('p', { class: 'verdict', role: 'status' });
  const findings = el('div', { class: 'findings' });
  p.body.append(head, picture, findings);
  const redraw = (): void => {
    if (last) draw(picture, last.hops, picture.parentElement?.clientWidth ?? 900);
  };
  new ResizeObserver(redraw).observe(p.body);
  return {
    root: p.root,
    show(chain) {
      last = chain;
      const found = chain.report?.findings ?? [];
      const state = states[chain.report?.state ?? 'unknown'] ?? states['unknown']!;
      head.className = `verdict ${state.class}`;
      head.textContent = found.length === 0 ? state.text : `${state.text}: ${found.length === 1 ? '1 finding' : `${found.length} findings`}`;
      const rest = [chain.unparsed > 0 && `${count(chain.unparsed)} lines could not be read`, chain.errors > 0 && `${count(chain.errors)} error lines`, chain.hops.some((h) => h.since) && 'times are UTC'].filter(Boolean);
      p.note.textContent = rest.join(' · ');
      redraw();
      // What a person has opened stays open when the numbers change.
      const old = new Map([...findings.querySelectorAll('details')].map((d) => [d.dataset['code'], d.open]));
      findings.replaceChildren(...found.map((f, i) => finding(f, old.get(codeOf(f)) ?? i === 0)));
    },
  };
}

// draw draws the hops beside each other, or below each other where it is narrow. An arrow
// has the colour of the hop that it leads to.
function draw(picture: SVGSVGElement, hops: Hop[], width: number): void {
  const narrow = width < 720;
  const gap = narrow ? 40 : 84;
  const boxWidth = narrow ? width - 2 : (width - 2 - gap * (hops.length - 1)) / hops.length;
  const boxHeight = hops.some((h) => h.until) ? 152 : hops.some((h) => h.since) ? 135 : 118;
  const height = narrow ? hops.length * boxHeight + (hops.length - 1) * gap + 2 : boxHeight + 2;
  picture.setAttribute('viewBox', `0 0 ${width} ${height}`);
  picture.setAttribute('width', String(width));
  picture.setAttribute('height', String(height));
  picture.setAttribute('aria-label', hops.map(sentence).join(' '));
  picture.replaceChildren();
  hops.forEach((hop, i) => {
    const x = narrow ? 1 : 1 + i * (boxWidth + gap);
    const y = narrow ? 1 + i * (boxHeight + gap) : 1;
    picture.append(box(hop, x, y, boxWidth, boxHeight));
    const next = hops[i + 1];
    if (next === undefined) return;
    const broken = next.broken > 0 ? ' broken' : '';
    const [x1, y1, x2, y2] = narrow
      ? [x + 28, y + boxHeight, x + 28, y + boxHeight + gap]
      : [x + boxWidth, y + boxHeight / 2, x + boxWidth + gap, y + boxHeight / 2];
    const head = narrow ? `${x2 - 5},${y2 - 8} ${x2 + 5},${y2 - 8} ${x2},${y2 - 1}` : `${x2 - 8},${y2 - 5} ${x2 - 8},${y2 + 5} ${x2 - 1},${y2}`;
    picture.append(
      svg('line', { class: `link${broken}`, x1, y1, x2: narrow ? x2 : x2 - 6, y2: narrow ? y2 - 6 : y2 }),
      svg('polygon', { class: `head${broken}`, points: head }));
    const words = narrow ? [(names[hop.id]?.link ?? []).join(' ')] : (names[hop.id]?.link ?? []);
    words.forEach((word, line) => picture.append(svg('text', narrow
      ? { class: 'link-name', x: x1 + 14, y: (y1 + y2) / 2 + 4 }
      : { class: 'link-name', x: (x1 + x2) / 2 - 3, y: y1 - 8 - (words.length - 1 - line) * 13, 'text-anchor': 'middle' }, word)));
  });
}

function box(hop: Hop, x: number, y: number, width: number, height: number): SVGGElement {
  const name = names[hop.id];
  const room = Math.max(8, Math.floor((width - 28) / 7.6)); // characters of a line
  const lines = hop.addresses.slice(0, 3).map((a) => shorten(visible(a), room));
  const more = hop.more + Math.max(0, hop.addresses.length - 3);
  if (more > 0) lines[Math.min(2, lines.length)] = `and ${count(more + (lines.length === 3 ? 1 : 0))} more`;
  if (lines.length === 0) lines.push(hop.id === 'client' ? 'no client is known' : 'no address was seen');
  const group = svg('g', { class: `hop${hop.broken > 0 ? ' broken' : ''}` },
    svg('rect', { x, y, width, height, rx: 8 }),
    svg('text', { class: 'hop-name', x: x + 14, y: y + 24 }, name?.title ?? hop.id));
  lines.forEach((line, i) => group.append(svg('text', { class: 'hop-address', x: x + 14, y: y + 46 + i * 17 }, line)));
  const foot = footOf(hop, name?.says ?? '');
  foot.forEach((line, i) => group.append(svg('text', { class: 'hop-foot', x: x + 14, y: y + height - 12 - (foot.length - 1 - i) * 17 }, line)));
  return group;
}

// footOf says how much is broken at a hop, and since when. Seconds stand in the sentence
// for screen readers.
function footOf(hop: Hop, says: string): string[] {
  if (hop.broken === 0) return [hop.requests > 0 ? `${compact(hop.requests)} requests, none broken` : says];
  const minute = (at: string): string => moment(at).slice(0, 16);
  return [
    `${share(hop.broken, hop.requests)} broken: ${compact(hop.broken)} of ${compact(hop.requests)}`,
    hop.since ? `${hop.until ? 'from' : 'since'} ${minute(hop.since)}` : '',
    hop.until ? `until ${minute(hop.until)}` : '',
  ].filter((line) => line !== '');
}

function sentence(hop: Hop): string {
  const name = names[hop.id]?.title ?? hop.id;
  const at = hop.addresses.length === 0 ? '' : `, ${hop.addresses.slice(0, 3).map(visible).join(', ')}${hop.more > 0 ? ' and more' : ''}`;
  const times = hop.since === undefined || hop.since === null ? ''
    : hop.until ? `, from ${moment(hop.since)} until ${moment(hop.until)} UTC` : `, since ${moment(hop.since)} UTC`;
  const broken = `${share(hop.broken, hop.requests)} of its requests are broken, ${count(hop.broken)} of ${count(hop.requests)}${times}`;
  return `${name}${at}: ${hop.broken > 0 ? broken : 'no fault'}.`;
}

// codeOf names a finding: one code can be found at both hops.
function codeOf(f: DiagnoseFinding): string {
  return `${f.code} ${f.hop ?? ''}`;
}

// finding says what is wrong in a line, and opens to the fix. The first one is open.
function finding(f: DiagnoseFinding, open: boolean): HTMLElement {
  const times = f.until ? `from ${moment(f.first)} until ${moment(f.last)} UTC` : `since ${moment(f.since ?? f.first)} UTC`;
  const where = f.hop === 'web' ? 'web nginx' : f.hop === 'edge' ? 'edge' : '';
  return el('details', { class: 'finding', open, 'data-code': codeOf(f) },
    el('summary', {}, el('h3', {}, foreign(f.title, 300)), el('span', { class: 'note' }, `${share(f.lines, f.of)} of lines`)),
    el('p', { class: 'note' }, `${share(f.lines, f.of)} of the lines that could show it (${count(f.lines)} of ${count(f.of)}), ${times}${where ? `, at the ${where}` : ''}. `,
      el('code', {}, f.code)),
    f.why ? el('p', {}, ...prose(f.why)) : null,
    el('p', {}, ...prose(f.mend)),
    ...(f.cure ?? []).map(stepOf),
    ...(f.alternatives ?? []).map((a) => el('details', {},
      el('summary', {}, 'It may also be: ', foreign(a.title, 300)),
      el('p', {}, ...prose(a.tell_apart)),
      ...(a.cure ?? []).map(stepOf))));
}

// prose shows a sentence in which names of directives stand between backquotes.
function prose(text: string): HTMLElement[] {
  const parts = text.split('`');
  return parts.map((part, i) => (i % 2 === 1 && i < parts.length - 1 ? el('code', {}, part) : foreign(part, 900)));
}

function stepOf(s: DiagnoseStep): HTMLElement {
  const forms = s.forms ?? [];
  return el('div', { class: 'step' },
    el('p', { class: 'note' }, `To fix it, ${s.where}:`),
    ...(forms.length > 0 ? forms.map((f) => code(f.lines ?? [], f.tool)) : [code(s.lines ?? [], '')]),
    s.note ? el('p', { class: 'note' }, ...prose(s.note)) : null);
}

// code shows lines to paste, with a button that copies them.
function code(lines: string[], tool: string): HTMLElement {
  const text = lines.join('\n');
  const copy = button('Copy', { 'aria-label': `Copy the lines${tool ? ` for ${tool}` : ''}` }, () => {
    navigator.clipboard?.writeText(text).then(() => { copy.textContent = 'Copied'; }, () => { copy.textContent = 'Select and copy'; });
  });
  return el('figure', { class: 'code' },
    el('figcaption', {}, tool, copy),
    el('pre', { tabindex: 0 }, el('code', {}, text)));
}
