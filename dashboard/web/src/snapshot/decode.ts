// Reads the blocks of a file. Their form is in the package documentation of
// dashboard/snapshot.
import type { Chain, Manifest } from '../contract.ts';

export const version = 1;

export interface Column {
  name: string;
  kind: 'time' | 'text' | 'number';
  base?: number;
  parent?: string;
  size?: number;
  null?: boolean;
  planes: number;
  values?: number;
  order?: number;
  codes?: number;
}

export interface Header {
  format: number;
  rows: number;
  manifest: Manifest;
  chain: Chain;
  answer?: number; // the block of JSON with the Answer to the state without filters
  columns: Column[];
}

// Codes are the places of the rows' values in a dictionary.
export type Codes = Uint16Array | Uint32Array;

// A Dictionary is a column of texts or numbers.
export interface Dictionary {
  size: number;
  codes: Codes;
  texts: string[]; // in the order of their UTF-8; empty for numbers
  numbers: Float64Array; // by size; empty for texts
  null: boolean; // the number at place 0 stands for none
}

export interface Table {
  rows: number;
  times: Float64Array; // milliseconds since 1970, the oldest first
  columns: Map<string, Dictionary>;
}

// decode reads all columns. block returns the bytes of a block, unpacked.
export async function decode(header: Header, block: (n: number) => Promise<Uint8Array>): Promise<Table> {
  if (header.format !== version) throw new Error(`this page reads version ${version} of the file, and not ${header.format}`);
  const rows = header.rows;
  const table: Table = { rows, times: new Float64Array(rows), columns: new Map() };
  const zeros = new Uint16Array(rows); // the codes of all columns with one value
  for (const column of header.columns) {
    const planes = column.codes === undefined ? new Uint8Array(0) : await block(column.codes);
    if (planes.length !== column.planes * rows) throw new Error(`the column ${column.name} is cut off`);
    if (column.kind === 'time') {
      readTimes(table.times, planes, column.planes, column.base ?? 0);
      continue;
    }
    const size = column.size ?? 0;
    const values = column.values === undefined ? new Uint8Array(0) : await block(column.values);
    const order = column.order === undefined ? undefined : readOrder(await block(column.order), size);
    const parent = column.parent === undefined ? undefined : table.columns.get(column.parent);
    table.columns.set(column.name, {
      size,
      codes: column.planes === 0 ? zeros : readCodes(planes, rows, column.planes, size, parent, order),
      texts: column.kind === 'text' ? readTexts(values, size) : [],
      numbers: column.kind === 'number' ? readNumbers(values, size, column.null === true) : new Float64Array(0),
      null: column.null === true,
    });
  }
  return table;
}

function readTimes(times: Float64Array, bytes: Uint8Array, planes: number, base: number): void {
  const rows = times.length;
  times.fill(0);
  for (let p = planes - 1; p >= 0; p--) {
    const plane = bytes.subarray(p * rows, (p + 1) * rows);
    for (let i = 0; i < rows; i++) times[i] = times[i]! * 256 + plane[i]!;
  }
  let at = base;
  for (let i = 0; i < rows; i++) times[i] = at += times[i]!;
}

// readOrder reads the places of the ranks.
function readOrder(bytes: Uint8Array, size: number): Uint32Array {
  const order = new Uint32Array(size);
  for (let p = bytes.length / size - 1; p >= 0; p--) for (let i = 0; i < size; i++) order[i] = order[i]! * 256 + bytes[p * size + i]!;
  return order;
}

// readCodes reads the planes. It goes through the rows in short loops of one task each,
// which browsers compile best.
function readCodes(bytes: Uint8Array, rows: number, planes: number, size: number, parent: Dictionary | undefined, order: Uint32Array | undefined): Codes {
  const codes = size <= 65536 ? new Uint16Array(rows) : new Uint32Array(rows);
  const numbers = joinPlanes(bytes, rows, planes);
  const first = parent === undefined ? 0 : 1; // below it numbers are no values
  const places = new Uint32Array(size + first); // of the numbers
  for (let n = 0; n < size; n++) places[n + first] = order === undefined ? n : order[n]!;
  for (let i = 0; i < rows; i++) if (numbers[i]! >= places.length) throw new Error('a row has a value that the dictionary does not hold');
  if (parent === undefined) {
    for (let i = 0; i < rows; i++) codes[i] = places[numbers[i]!]!;
    return codes;
  }
  if (parent.codes instanceof Uint16Array) follow16(codes, numbers, places, parent.codes, parent.size);
  else follow32(codes, numbers, places, parent.codes, parent.size);
  return codes;
}

function joinPlanes(bytes: Uint8Array, rows: number, planes: number): Codes | Uint8Array {
  if (planes === 1) return bytes;
  const low = bytes.subarray(0, rows);
  const middle = bytes.subarray(rows, 2 * rows);
  if (planes === 2) {
    const numbers = new Uint16Array(rows);
    for (let i = 0; i < rows; i++) numbers[i] = low[i]! | (middle[i]! << 8);
    return numbers;
  }
  const high = bytes.subarray(2 * rows, 3 * rows);
  const numbers = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) numbers[i] = low[i]! | (middle[i]! << 8) | (high[i]! << 16);
  return numbers;
}

// follow16 and follow32 are the same for parents of few and of many values: a loop that
// sees both kinds of array is slow for both.
function follow16(codes: Codes, numbers: Codes | Uint8Array, places: Uint32Array, above: Uint16Array, size: number): void {
  const last = new Uint32Array(size);
  for (let i = 0; i < codes.length; i++) {
    const n = numbers[i]!;
    if (n !== 0) last[above[i]!] = places[n]!;
    codes[i] = last[above[i]!]!;
  }
}

function follow32(codes: Codes, numbers: Codes | Uint8Array, places: Uint32Array, above: Uint32Array, size: number): void {
  const last = new Uint32Array(size);
  for (let i = 0; i < codes.length; i++) {
    const n = numbers[i]!;
    if (n !== 0) last[above[i]!] = places[n]!;
    codes[i] = last[above[i]!]!;
  }
}

// A reader reads Uvarints.
class Reader {
  at = 0;
  constructor(readonly bytes: Uint8Array) {}
  next(): number {
    let n = 0;
    for (let unit = 1; ; unit *= 128) {
      const b = this.bytes[this.at++];
      if (b === undefined) throw new Error('a dictionary is cut off');
      n += (b & 127) * unit;
      if (b < 128) return n;
    }
  }
}

function readTexts(bytes: Uint8Array, size: number): string[] {
  const r = new Reader(bytes);
  const shared = new Uint32Array(size);
  const more = new Uint32Array(size);
  for (let i = 0; i < size; i++) shared[i] = r.next();
  for (let i = 0; i < size; i++) more[i] = r.next();
  const rest = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(r.at));
  const texts: string[] = [];
  let before = '';
  let at = 0;
  for (let i = 0; i < size; i++) {
    before = before.slice(0, shared[i]!) + rest.slice(at, at + more[i]!);
    at += more[i]!;
    texts.push(before);
  }
  return texts;
}

function readNumbers(bytes: Uint8Array, size: number, hasNull: boolean): Float64Array {
  const r = new Reader(bytes);
  const numbers = new Float64Array(size);
  let before = 0;
  for (let i = hasNull ? 1 : 0; i < size; i++) {
    before += r.next();
    numbers[i] = before;
  }
  return numbers;
}

// unpack reads a block as it stands in the page.
export async function unpack(text: string): Promise<Uint8Array> {
  const stream = new Blob([unarmor(text)]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// unarmor reads Ascii85 with v in the place of <.
export function unarmor(text: string): Uint8Array<ArrayBuffer> {
  const from = new TextEncoder().encode(text);
  let zeros = 0;
  for (let i = 0; i < from.length; i++) if (from[i] === 122) zeros++;
  const bytes = new Uint8Array(4 * (zeros + Math.ceil((from.length - zeros) / 5)));
  let length = 0;
  let i = 0;
  const digit = (at: number): number => (at >= from.length ? 84 : from[at] === 118 ? 27 : from[at]! - 33);
  while (i < from.length) {
    if (from[i] === 122) {
      i++;
      length += 4;
      continue;
    }
    const n = (((digit(i) * 85 + digit(i + 1)) * 85 + digit(i + 2)) * 85 + digit(i + 3)) * 85 + digit(i + 4);
    bytes[length] = n >>> 24;
    bytes[length + 1] = n >>> 16;
    bytes[length + 2] = n >>> 8;
    bytes[length + 3] = n;
    length += Math.min(5, from.length - i) - 1;
    i += 5;
  }
  return bytes.subarray(0, length);
}
