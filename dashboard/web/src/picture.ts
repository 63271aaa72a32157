// Draws panels as pictures to be saved.
import type { Cell } from './csv.ts';
import { visible, shorten } from './format.ts';
import { save } from './save.ts';
import { colour } from './theme.ts';

// A Picture is what a panel shows: drawings below each other, or the rows of a table,
// whose first row are the titles.
export interface Picture {
  drawings?: (HTMLCanvasElement | SVGSVGElement)[];
  table?: Cell[][];
}

const margin = 24;
const scale = 2; // of the screen's units, so that the picture can be printed
const most = 40; // rows of a table

export async function savePicture(name: string, title: string, picture: Picture): Promise<void> {
  const canvas = picture.table === undefined ? await draw(title, picture.drawings ?? []) : drawTable(title, picture.table);
  canvas.toBlob((file) => {
    if (file !== null) save(name, file);
  }, 'image/png');
}

function begin(title: string, width: number, height: number): [HTMLCanvasElement, CanvasRenderingContext2D] {
  const canvas = document.createElement('canvas');
  canvas.width = (width + 2 * margin) * scale;
  canvas.height = (height + 2 * margin + 32) * scale;
  const pen = canvas.getContext('2d');
  if (pen === null) throw new Error('the browser draws no pictures');
  pen.scale(scale, scale);
  pen.fillStyle = colour('--panel');
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = colour('--text');
  pen.font = '600 16px system-ui, sans-serif';
  pen.textBaseline = 'top';
  pen.fillText(title, margin, margin);
  pen.translate(margin, margin + 32);
  return [canvas, pen];
}

async function draw(title: string, drawings: (HTMLCanvasElement | SVGSVGElement)[]): Promise<HTMLCanvasElement> {
  const sizes = drawings.map((d) => d.getBoundingClientRect());
  const [canvas, pen] = begin(title, Math.max(200, ...sizes.map((s) => s.width)), sizes.reduce((sum, s) => sum + s.height + 8, 0));
  let y = 0;
  for (const [i, drawing] of drawings.entries()) {
    const { width, height } = sizes[i]!;
    pen.drawImage(drawing instanceof SVGSVGElement ? await imageOf(drawing, width, height) : drawing, 0, y, width, height);
    y += height + 8;
  }
  return canvas;
}

// The look of an SVG element that comes from the page's style sheet.
const looks = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'opacity', 'font-size', 'font-weight', 'font-family', 'text-anchor'];

async function imageOf(drawing: SVGSVGElement, width: number, height: number): Promise<HTMLImageElement> {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const [from, to] = [drawing.querySelectorAll('*'), copy.querySelectorAll('*')];
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const look of looks) to[i]?.setAttribute(look, style.getPropertyValue(look));
  });
  copy.setAttribute('width', String(width * scale));
  copy.setAttribute('height', String(height * scale));
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  return image;
}

function drawTable(title: string, table: Cell[][]): HTMLCanvasElement {
  const rows = table.slice(0, most + 1).map((row) => row.map((c) =>
    typeof c === 'number' ? c.toLocaleString('en-US') : shorten(visible(c ?? ''), 60)));
  const measure = document.createElement('canvas').getContext('2d');
  if (measure === null) throw new Error('the browser draws no pictures');
  measure.font = '13px system-ui, sans-serif';
  const widths = (rows[0] ?? []).map((_, i) => 24 + Math.max(...rows.map((row) => measure.measureText(row[i] ?? '').width)));
  const width = widths.reduce((a, b) => a + b, 0);
  const [canvas, pen] = begin(title, width, rows.length * 22);
  rows.forEach((row, y) => {
    let x = 0;
    row.forEach((text, i) => {
      pen.font = `${y === 0 ? '600 ' : ''}13px system-ui, sans-serif`;
      pen.fillStyle = colour(y === 0 ? '--muted' : '--text');
      const right = typeof table[1]?.[i] === 'number';
      pen.textAlign = right ? 'right' : 'left';
      pen.fillText(text, right ? x + (widths[i] ?? 0) - 24 : x, y * 22);
      x += widths[i] ?? 0;
    });
  });
  return canvas;
}
