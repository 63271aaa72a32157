// Makes src/world.json of Natural Earth's countries (public domain, 1:50 million, as the
// package world-atlas has them): for each country its ISO 3166-1 alpha-2 code, its name and
// its outline in whole units of a picture of 960 by 468 in the Equal Earth projection.
// A country that is too small for an outline is a point. Run: node scripts/world.mjs
import { geoEqualEarth, geoPath } from 'd3-geo';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { feature } from 'topojson-client';
import countries from 'i18n-iso-countries';

const require = createRequire(import.meta.url);
const atlas = JSON.parse(readFileSync(require.resolve('world-atlas/countries-50m.json')));
const width = 960;
const height = 468;
const projection = geoEqualEarth().fitSize([width, height], { type: 'Sphere' });

// Natural Earth has no number for these.
const unnumbered = { Kosovo: 'XK' };

// thin leaves out the points of a ring that lie less than a unit from the line between
// their neighbours (Douglas and Peucker, 1973).
function thin(points, tolerance) {
  if (points.length < 3) return points;
  const [a, b] = [points[0], points[points.length - 1]];
  let far = 0;
  let at = 0;
  for (let i = 1; i < points.length - 1; i++) {
    const d = distance(points[i], a, b);
    if (d > far) [far, at] = [d, i];
  }
  if (far <= tolerance) return [a, b];
  return [...thin(points.slice(0, at + 1), tolerance).slice(0, -1), ...thin(points.slice(at), tolerance)];
}

function distance([x, y], [ax, ay], [bx, by]) {
  const length = Math.hypot(bx - ax, by - ay);
  if (length === 0) return Math.hypot(x - ax, y - ay);
  return Math.abs((by - ay) * x - (bx - ax) * y + bx * ay - by * ax) / length;
}

function outline(geometry) {
  const rings = [];
  let ring = [];
  geoPath(projection, {
    moveTo: (x, y) => { ring = [[x, y]]; },
    lineTo: (x, y) => { ring.push([x, y]); },
    closePath: () => { rings.push(ring); },
    arc: () => {},
  })(geometry);
  let text = '';
  for (const points of rings) {
    const half = Math.floor(points.length / 2);
    const line = [...thin(points.slice(0, half + 1), 0.4).slice(0, -1), ...thin(points.slice(half), 0.4)]
      .map(([x, y]) => [Math.round(x * 2), Math.round(y * 2)]);
    const kept = line.filter((p, i) => i === 0 || p[0] !== line[i - 1][0] || p[1] !== line[i - 1][1]);
    if (kept.length < 3) continue;
    let [px, py] = kept[0];
    text += `M${px} ${py}l`;
    text += kept.slice(1).map(([x, y]) => {
      const step = `${x - px} ${y - py}`;
      [px, py] = [x, y];
      return step;
    }).join(' ') + 'z';
  }
  return text;
}

const out = [];
for (const f of feature(atlas, atlas.objects.countries).features) {
  if (f.properties.name === 'Antarctica') continue;
  const code = f.id ? countries.numericToAlpha2(f.id) : unnumbered[f.properties.name];
  const path = geoPath(projection);
  const small = path.area(f) < 12;
  const [x, y] = path.centroid(f).map((v) => Math.round(v * 2));
  const entry = { code: code ?? '', name: f.properties.name, outline: outline(f.geometry) };
  if (small && code) entry.point = [x, y];
  out.push(entry);
}
out.sort((a, b) => (a.code < b.code ? -1 : a.code > b.code ? 1 : a.name < b.name ? -1 : 1));
writeFileSync('src/world.json', '{"width":' + width * 2 + ',"height":' + height * 2 + ',"countries":[\n' +
  out.map((c) => JSON.stringify(c)).join(',\n') + '\n]}\n');
