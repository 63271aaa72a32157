// Writes numbers, times and the texts of log lines for a person.

const whole = new Intl.NumberFormat('en-US');
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

// count writes a whole number: 12,345.
export function count(n: number): string {
  return whole.format(n);
}

// compact writes a number for a narrow place: 12.3K.
export function compact(n: number): string {
  return Math.abs(n) < 10000 ? whole.format(n) : short.format(n);
}

// share writes part of all in per cent. Something is never 0 %, and not all is never 100 %.
export function share(part: number, all: number): string {
  if (all <= 0) return '–';
  if (part === 0) return '0%';
  if (part === all) return '100%';
  const percent = (part / all) * 100;
  if (percent < 0.1) return '<0.1%';
  if (percent > 99.9) return '>99.9%';
  return `${percent < 10 ? percent.toFixed(1) : Math.min(99, Math.round(percent))}%`;
}

// change writes how much more or less there is than before.
export function change(now: number, before: number): string {
  if (before === now) return '0%';
  if (before === 0) return 'new';
  const percent = (now / before - 1) * 100;
  if (percent >= 1000) return `×${whole.format(Math.round(now / before))}`;
  const text = Math.abs(percent) < 10 ? Math.abs(percent).toFixed(1) : String(Math.round(Math.abs(percent)));
  return `${percent < 0 ? '−' : '+'}${text}%`;
}

// seconds writes a duration: 420 µs, 12 ms, 1.5 s, 2.3 min.
export function seconds(s: number | null | undefined): string {
  if (s === null || s === undefined) return '–';
  if (s === 0) return '0 ms';
  const three = (n: number): string => String(Number(n.toPrecision(n >= 100 ? 3 : 2)));
  if (s < 0.001) return `${three(s * 1e6)} µs`;
  if (s < 0.9995) return `${three(s * 1e3)} ms`;
  return s < 120 ? `${three(s)} s` : `${three(s / 60)} min`;
}

// bytes writes a size with decimal units: 1.2 MB.
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let i = 0;
  for (; n >= 1000 && i < units.length - 1; i++) n /= 1000;
  return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

// moment writes a time in UTC: 2026-11-20 14:05:00. Milliseconds stand if there are any.
export function moment(text: string | number): string {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return '–';
  const iso = at.toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}${at.getUTCMilliseconds() === 0 ? '' : iso.slice(19, 23)}`;
}

// readTime reads a time in UTC as moment writes it, or only its beginning: a day, or a day
// with hours and minutes. null is no text, undefined a text that is no time.
export function readTime(text: string): number | null | undefined {
  if (text.trim() === '') return null;
  const parts = /^\s*(\d{4}-\d\d-\d\d)(?:[ T]+(\d\d:\d\d)(:\d\d(?:\.\d{1,3})?)?)?Z?\s*$/.exec(text);
  const at = parts === null ? NaN : Date.parse(`${parts[1]}T${parts[2] ?? '00:00'}${parts[3] ?? ':00'}Z`);
  return Number.isNaN(at) ? undefined : at;
}

// Invisible and direction-changing characters. Unicode's names of the control characters
// have pictures of their own from U+2400.
const hidden = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}]/gu;

// A Piece is a part of a text. A marked one stands for a character that cannot be seen.
export interface Piece {
  text: string;
  marked: boolean;
}

// pieces splits a text so that characters which cannot be seen are written out.
export function pieces(text: string): Piece[] {
  const out: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(hidden)) {
    if (match.index > from) out.push({ text: text.slice(from, match.index), marked: false });
    out.push({ text: name(match[0].codePointAt(0) ?? 0), marked: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) out.push({ text: text.slice(from), marked: false });
  return out;
}

function name(code: number): string {
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return code > 0xffff ? `\\u{${code.toString(16).toUpperCase()}}` : `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

// visible writes a text so that every character can be seen.
export function visible(text: string): string {
  return pieces(text).map((p) => p.text).join('');
}

// shorten keeps the beginning and the end of a long text. It cuts no character in two.
export function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  const all = [...text.slice(0, most)];
  const tail = [...text.slice(-Math.floor(most / 4))];
  if (tail[0] !== undefined && /^[\udc00-\udfff]$/.test(tail[0])) tail.shift();
  const head = all.slice(0, most - tail.length - 1);
  if (/^[\ud800-\udbff]$/.test(head[head.length - 1] ?? '')) head.pop();
  return `${head.join('')}…${tail.join('')}`;
}
