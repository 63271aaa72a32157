// Builds the page: src/main.ts and src/page.css into ../assets, which Go embeds.
// The output depends on nothing but the files in this folder. sources.txt says which they
// were: a test of Go compares it with the files that are there.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const assets = '../assets';
mkdirSync(assets, { recursive: true });

await build({
  entryPoints: { page: 'src/main.ts' },
  bundle: true,
  minify: true,
  format: 'iife',
  target: ['chrome109', 'firefox115', 'safari16'],
  charset: 'ascii', // the script stands in a file of which nobody says the encoding
  legalComments: 'inline',
  outdir: assets,
  logLevel: 'warning',
});
await build({
  entryPoints: { page: 'src/page.css' },
  bundle: true,
  minify: true,
  outdir: assets,
  logLevel: 'warning',
});
writeFileSync(join(assets, 'index.html'), readFileSync('src/index.html'));

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)]);
}
const read = [...files('src'), 'build.mjs', 'package-lock.json'].sort();
writeFileSync(join(assets, 'sources.txt'), read.map((name) =>
  `${createHash('sha256').update(readFileSync(name)).digest('hex')}  ${name}\n`).join(''));
