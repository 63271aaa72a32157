// Chooses a time with the keyboard, on a chart of uPlot.
import type uPlot from 'uplot';
import type { Answer } from './contract.ts';
import { moment } from './format.ts';

export interface Brush {
  name: string; // of the chart
  answer: Answer;
  narrow: (from: number, to: number) => void; // milliseconds
  clear: () => void;
}

// addKeys gives the field of a chart keys of its own: the arrows move a selection by a
// bucket, with Shift they move its end, Enter narrows the time to it, Escape takes it away.
// Screen readers find a slider whose value is the selection.
export function addKeys(chart: uPlot, brush: Brush): void {
  const { times, bucket, until } = brush.answer;
  const field = chart.over;
  const last = times.length - 1;
  if (last < 0) return;
  const at = (i: number): number => (i > last ? Date.parse(until) : Date.parse(times[i]!.at));
  let chosen: [number, number] | undefined; // the first and the last bucket
  const show = (): void => {
    const [from, to] = chosen ?? [0, last];
    const text = `${moment(at(from))} to ${moment(Math.min(at(to) + bucket * 1000, Date.parse(until)))} UTC`;
    field.setAttribute('aria-valuenow', String(from));
    field.setAttribute('aria-valuetext', chosen ? `${text}. Press Enter to show only this time.` : `Nothing chosen; the chart shows ${text}`);
    const edge = (ms: number): number => Math.min(Math.max(chart.valToPos(ms / 1000, 'x'), 0), field.clientWidth);
    const [left, right] = chosen ? [edge(at(from)), edge(at(to) + bucket * 1000)] : [0, 0];
    chart.setSelect({ left, top: 0, width: right - left, height: chosen ? field.clientHeight : 0 }, false);
  };
  const limit = (i: number): number => Math.min(Math.max(i, 0), last);
  const move = (by: number, end: boolean): void => {
    if (chosen === undefined) {
      const first = by < -last ? 0 : by > last ? last : last >> 1;
      chosen = [first, first];
    }
    else if (end) chosen = [chosen[0], Math.max(chosen[0], limit(chosen[1] + by))];
    else {
      const step = by < 0 ? Math.max(by, -chosen[0]) : Math.min(by, last - chosen[1]);
      chosen = [chosen[0] + step, chosen[1] + step];
    }
    show();
  };
  const far = Math.max(1, Math.round(times.length / 10));
  const keys: Record<string, number> = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -far, PageUp: far, Home: -last - 1, End: last + 1 };
  const pressed = (event: KeyboardEvent): boolean => {
    const by = keys[event.key];
    if (by !== undefined && !event.altKey && !event.ctrlKey && !event.metaKey) move(by, event.shiftKey);
    else if (event.key === 'Enter' && chosen !== undefined) brush.narrow(at(chosen[0]), at(chosen[1]) + bucket * 1000);
    else if (event.key === 'Escape' && chosen !== undefined) {
      chosen = undefined;
      show();
    } else if (event.key === 'Escape') brush.clear();
    else return false;
    return true;
  };
  for (const [name, value] of Object.entries({
    tabindex: '0', role: 'slider', 'aria-label': `Choose a time in ${brush.name}`, 'aria-valuemin': '0', 'aria-valuemax': String(last),
    'data-key': `brush ${brush.name}`,
  })) field.setAttribute(name, value);
  field.addEventListener('keydown', (event) => {
    if (pressed(event)) event.preventDefault();
  });
  field.addEventListener('blur', () => {
    if (chosen === undefined) return;
    chosen = undefined;
    show();
  });
  show();
}
