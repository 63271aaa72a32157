// Writes tables as CSV (RFC 4180).
import { formulaStarts } from './contract.ts';

export type Cell = string | number | null | undefined;

// csv writes a table. A text that a spreadsheet would take for a formula gets an
// apostrophe before it; numbers stay numbers.
export function csv(table: Cell[][]): string {
  return table.map((row) => row.map(cell).join(',') + '\r\n').join('');
}

function cell(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const safe = value !== '' && formulaStarts.includes(value[0]!) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
