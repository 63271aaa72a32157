// A list of the values of a dimension with the most requests.
import type { Answer, Board, DimensionInfo, Row } from './contract.ts';
import type { Cell } from './csv.ts';
import { button, el, on } from './dom.ts';
import { change, compact, count, share } from './format.ts';
import type { Page, View } from './page.ts';
import { panel } from './panel.ts';
import { spark } from './spark.ts';
import { choiceOf } from './state.ts';
import { foreign } from './text.ts';

const mostRows = 200;

export function boardView(page: Page, dimension: DimensionInfo): View {
  let last: Board | undefined;
  const table = (): Cell[][] => tableOf(last);
  const p = panel(dimension.id, dimension.title, { table, picture: () => ({ table: table() }) });
  p.root.classList.add('board');
  const list = el('ol', { class: 'rows' });
  const more = button('', { class: 'quiet more' }, () => expand(page, dimension, more));
  p.body.append(list, more);
  return {
    root: p.root,
    show(answer: Answer) {
      last = answer.boards.find((b) => b.dimension === dimension.id);
      if (last === undefined) return;
      list.replaceChildren(...rowsOf(page, dimension, last));
      const board = last;
      p.note.textContent = `${page.manifest.sampled < 1 ? 'at least ' : ''}${count(board.values)}`;
      more.hidden = board.values <= board.rows.length;
      more.textContent = `Show and search all ${count(board.values)}`;
      if (board.rows.length === 0) list.replaceChildren(el('li', { class: 'empty' }, 'No requests.'));
    },
  };
}

function tableOf(board: Board | undefined): Cell[][] {
  const compared = board?.rows.some((r) => r.before !== undefined) ?? false;
  return [['value', 'name', 'requests', 'failures', ...(compared ? ['before'] : [])],
    ...(board?.rows ?? []).map((r) => [r.value, r.label ?? '', r.requests, r.failures, ...(compared ? [r.before ?? 0] : [])])];
}

function rowsOf(page: Page, dimension: DimensionInfo, board: Board): HTMLElement[] {
  const filter = page.state.filters.find((f) => f.dimension === dimension.id);
  const most = Math.max(1, ...board.rows.map((r) => r.requests));
  return board.rows.map((r) => {
    const named = filter?.values.includes(r.value) ?? false;
    const state = named ? (filter?.exclude ? 'excluded' : 'chosen') : filter && !filter.exclude ? 'other' : '';
    return el('li', {}, rowOf(page, dimension, board, r, most, state));
  });
}

function rowOf(page: Page, dimension: DimensionInfo, board: Board, r: Row, most: number, state: string): HTMLElement {
  const bar = el('span', { class: 'bar', 'aria-hidden': 'true' });
  bar.style.width = `${(r.requests / most) * 100}%`;
  const name = el('span', { class: 'name' });
  if (r.value === '') name.append(el('span', { class: 'none' }, dimension.none));
  else if (r.label) name.append(foreign(r.label, 60), el('span', { class: 'label' }, foreign(r.value, 24)));
  else name.append(foreign(r.value, 120));
  const failed = r.failures > 0 ? `, ${count(r.failures)} failed` : '';
  const element = button(null, { class: `row ${state}`, 'aria-pressed': state === 'chosen' || state === 'excluded', 'data-key': `${dimension.id}=${r.value}`,
    title: `${count(r.requests)} requests, ${share(r.requests, board.requests)}${failed}. Click: only this. Shift: add. Alt or Ctrl: leave out.` }, (event) => {
    page.choose(dimension.id, r.value, choiceOf(event));
  });
  on(element, {
    keydown: (event) => {
      if (event.key !== 'Enter' || choiceOf(event) === 'only') return;
      event.preventDefault();
      page.choose(dimension.id, r.value, choiceOf(event));
    },
  });
  element.append(bar, name, spark(r.trend), changeOf(r),
    el('span', { class: 'number' }, compact(r.requests)), el('span', { class: 'share' }, share(r.requests, board.requests)));
  return element;
}

function changeOf(r: Row): HTMLElement | string {
  return r.before === undefined ? '' : el('span', { class: 'change' }, change(r.requests, r.before));
}

// expand opens a dialog with more rows, and a search in all of them.
function expand(page: Page, dimension: DimensionInfo, from: HTMLElement): void {
  const list = el('ol', { class: 'rows' });
  const note = el('p', { class: 'note', role: 'status' });
  const find = el('input', { type: 'search', placeholder: 'Search in all', 'aria-label': `Search in ${dimension.title}`, maxlength: 200 });
  const dialog = el('dialog', { class: 'wide', 'aria-label': dimension.title },
    el('header', { class: 'panel-head' }, el('h2', {}, dimension.title),
      el('div', { class: 'tools' }, button('Close', {}, () => dialog.close()))),
    find, note, list);
  let asked = 0;
  const ask = async (): Promise<void> => {
    const mine = ++asked;
    note.textContent = 'Counting …';
    try {
      const board = await page.source.board({ state: page.state, dimension: dimension.id, limit: mostRows, find: find.value });
      if (mine !== asked) return;
      list.replaceChildren(...rowsOf(page, dimension, board));
      note.textContent = board.rows.length < board.values
        ? `${count(board.rows.length)} of ${count(board.values)}. Search to find others.`
        : `${count(board.values)} in all.`;
    } catch (error) {
      if (mine === asked) note.textContent = error instanceof Error ? error.message : String(error);
    }
  };
  let wait: ReturnType<typeof setTimeout> | undefined;
  on(find, { input: () => { clearTimeout(wait); wait = setTimeout(() => void ask(), 200); } });
  on(dialog, { close: () => { dialog.remove(); from.focus(); } });
  // One click chooses and closes; with a key held, more values can be chosen.
  list.addEventListener('click', (event) => {
    const row = event.target instanceof Element ? event.target.closest('button.row') : null;
    if (row === null) return;
    if (choiceOf(event) === 'only') dialog.close();
    else void ask();
  });
  document.body.append(dialog);
  dialog.showModal();
  find.focus();
  void ask();
}
