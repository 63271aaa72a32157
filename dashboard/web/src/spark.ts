import { svg } from './dom.ts';

// spark draws a small line of numbers.
export function spark(values: number[], width = 72, height = 18): SVGSVGElement {
  const most = Math.max(1, ...values);
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  const points = values.map((v, i) => `${(i * step).toFixed(1)},${(height - 1.5 - (v / most) * (height - 3)).toFixed(1)}`);
  if (points.length === 1) points.push(`${width},${points[0]!.split(',')[1]}`);
  return svg('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, width, height, 'aria-hidden': 'true' },
    svg('polyline', { points: points.join(' ') }));
}
