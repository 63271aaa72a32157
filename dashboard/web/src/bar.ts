// The bar above the panels: what is asked for, and the filters that narrow it.
import type { Answer } from './contract.ts';
import { button, el, on } from './dom.ts';
import { count, moment, readTime } from './format.ts';
import type { Page } from './page.ts';
import { chips, cutSearch, emptyState, kinds, timeText } from './state.ts';
import type { State } from './state.ts';
import { foreign } from './text.ts';

export interface Bar {
  root: HTMLElement;
  show(state: State): void;
  answered(answer: Answer): void;
}

const spans = [
  { title: 'Last hour', milliseconds: 3_600_000 },
  { title: 'Last day', milliseconds: 86_400_000 },
  { title: 'Last week', milliseconds: 7 * 86_400_000 },
];

export function barView(page: Page): Bar {
  const titles = new Map(page.manifest.dimensions.map((d) => [d.id, d]));
  const search = el('input', { type: 'search', placeholder: 'Search', maxlength: 200, 'aria-label': `Search in ${page.manifest.searched.join(', ')}` });
  const kind = el('select', { 'aria-label': 'Whose requests' }, ...kinds.map((k) => el('option', { value: k.id, title: k.means }, k.title)));
  const compare = el('input', { type: 'checkbox', id: 'compare' });
  // Not of type datetime-local: browsers write that in the person's own form and zone, and
  // the page writes all times alike.
  const time = (name: string) => el('input', { type: 'text', class: 'time', size: 19, maxlength: 30, autocomplete: 'off', spellcheck: 'false', 'aria-label': name, title: `${name}, such as 2026-11-20 14:05` });
  const since = time('From (UTC)');
  const until = time('Until (UTC)');
  const list = el('ul', { class: 'chips', 'aria-label': 'Filters' });
  const status = el('p', { class: 'note', role: 'status' }, 'Reading the requests …');

  let wait: ReturnType<typeof setTimeout> | undefined;
  on(search, { input: () => {
    clearTimeout(wait);
    wait = setTimeout(() => page.go({ ...page.state, search: cutSearch(search.value.trim()) }), 300);
  } });
  on(kind, { change: () => page.go({ ...page.state, kind: kind.value }) });
  on(compare, { change: () => page.go({ ...page.state, compare: compare.checked }) });
  const times = (): void => {
    for (const input of [since, until]) {
      input.setCustomValidity(readTime(input.value) === undefined ? 'Write a time in UTC, such as 2026-11-20 14:05 or 2026-11-20.' : '');
      if (!input.reportValidity()) return;
    }
    const [from, to] = [since, until].map((input) => {
      const at = readTime(input.value);
      return typeof at === 'number' ? timeText(at) : null;
    });
    const wrong = from && to && Date.parse(from) >= Date.parse(to);
    until.setCustomValidity(wrong ? 'The end must be after the beginning.' : '');
    if (!until.reportValidity()) return;
    page.go({ ...page.state, since: from ?? null, until: to ?? null });
  };
  on(since, { change: times });
  on(until, { change: times });

  const last = page.manifest.last === null ? 0 : Date.parse(page.manifest.last) + 1;
  const presets = el('div', { class: 'presets' },
    button('All time', { class: 'quiet' }, () => page.go({ ...page.state, since: null, until: null })),
    ...spans.map((s) => button(s.title, { class: 'quiet', title: `${s.title} of what was read` }, () =>
      page.go({ ...page.state, since: timeText(last - s.milliseconds), until: timeText(last) }))));

  const root = el('div', { class: 'filters', role: 'search' },
    el('div', { class: 'controls' }, search, kind, since, el('span', { 'aria-hidden': 'true' }, '–'), until, presets,
      el('label', { for: 'compare' }, compare, ' Compare with the time before')),
    list, status);

  return {
    root,
    show(state) {
      if (document.activeElement !== search) search.value = state.search;
      kind.value = state.kind;
      compare.checked = state.compare;
      compare.disabled = state.since === null;
      since.value = state.since === null ? '' : moment(state.since);
      until.value = state.until === null ? '' : moment(state.until);
      for (const input of [since, until]) input.setCustomValidity('');
      const all = chips(state, titles);
      list.replaceChildren(...all.map((c) => el('li', {},
        button(null, { class: 'chip', 'aria-label': `Remove the filter ${c.text} ${c.value ?? ''}` }, () => page.go(c.without)))));
      all.forEach((c, i) => {
        list.children[i]?.firstElementChild?.append(`${c.text} `, c.value === null ? '' : foreign(c.value, 60), el('span', { 'aria-hidden': 'true' }, ' ×'));
      });
      if (all.length > 1) list.append(el('li', {}, button('Remove all', { class: 'quiet' }, () => page.go({ ...emptyState(), since: state.since, until: state.until }))));
    },
    answered(answer) {
      status.textContent = `${count(answer.total.requests)} requests from ${moment(answer.since)} to ${moment(answer.until)} UTC`;
      since.placeholder = moment(answer.since).slice(0, 19);
      until.placeholder = moment(answer.until).slice(0, 19);
    },
  };
}
