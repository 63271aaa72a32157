// Holds the engine of a file to the answers that dashboard/dashboardtest counted, and the
// form of the file to what dashboard/snapshot wrote of the same requests.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decode, unarmor } from '../src/snapshot/decode.ts';
import type { Header } from '../src/snapshot/decode.ts';
import { Engine, lower } from '../src/snapshot/engine.ts';
import type { State } from '../src/snapshot/plan.ts';
import type { Answer, Board, Hop } from '../src/contract.ts';

const read = (name: string) => JSON.parse(readFileSync(`../testdata/${name}`, 'utf8')) as never;
const vectors: {
  cases: { name: string; query: string; answer: Answer; hops: Hop[] }[];
  boards: { name: string; query: string; dimension: string; limit: number; find: string; board: Board }[];
} = read('vectors.json');
const file: { header: Header; blocks: string[] } = read('snapshot.json');

function stateOf(query: string): State {
  const s: State = { since: null, until: null, filters: [], kind: '', search: '', compare: false };
  for (const [key, value] of new URLSearchParams(query)) {
    if (key === 'since') s.since = value;
    else if (key === 'until') s.until = value;
    else if (key === 'kind') s.kind = value;
    else if (key === 'q') s.search = value;
    else if (key === 'compare') s.compare = true;
    else {
      const [dimension, exclude] = [key.slice(2), key.startsWith('x.')];
      const f = s.filters.find((f) => f.dimension === dimension);
      if (f === undefined) s.filters.push({ dimension, values: [value], exclude });
      else f.values.push(value);
    }
  }
  return s;
}

const block = async (n: number) => new Uint8Array(Buffer.from(file.blocks[n]!, 'base64'));
const engine = new Engine(await decode(file.header, block), file.header.manifest);

for (const c of vectors.cases) {
  test(c.name, () => assert.deepEqual(engine.explore(stateOf(c.query)), c.answer));
}
for (const c of vectors.cases) {
  test(`hops of ${c.name}`, () => assert.deepEqual(engine.chain(stateOf(c.query), file.header.chain).hops, c.hops));
}
for (const c of vectors.boards) {
  test(`board ${c.name}`, () => assert.deepEqual(engine.board(stateOf(c.query), c.dimension, c.limit, c.find), c.board));
}
test('the answer in the file is that of its requests', () => {
  const text = Buffer.from(file.blocks[file.header.answer!]!, 'base64').toString();
  assert.deepEqual(engine.explore(stateOf('')), JSON.parse(text));
});
// One filter after the other must count as all at once.
test('filters come and go', () => {
  for (let i = 0; i < 200; i++) {
    const c = vectors.boards[(i * 7) % vectors.boards.length]!;
    assert.deepEqual(engine.board(stateOf(c.query), c.dimension, c.limit, c.find), c.board, c.name);
    engine.requests(stateOf(vectors.cases[(i * 11) % vectors.cases.length]!.query), '', 1);
  }
});
test('requests come once, the newest first', () => {
  for (const query of ['kind=all', 'f.country=JP', 'q=no such text']) {
    const all = engine.requests(stateOf(query), '', 100_000).rows;
    const pages = [];
    for (let next: string | undefined = ''; next !== undefined;) {
      const page = engine.requests(stateOf(query), next, 37);
      pages.push(...page.rows);
      next = page.next;
    }
    assert.deepEqual(pages, all);
    if (query === 'kind=all') assert.equal(all.length, file.header.rows);
    for (let i = 1; i < all.length; i++) assert.ok(Date.parse(all[i]!.at) <= Date.parse(all[i - 1]!.at));
  }
});
test('hops', () => assert.deepEqual(engine.chain(stateOf(''), file.header.chain), file.header.chain));
test('a file that is cut off', async () => {
  await assert.rejects(decode(file.header, async (n) => (await block(n)).slice(1)), /cut off/);
  await assert.rejects(decode({ ...file.header, format: 2 }, block), /version 1/);
});
test('lower case', () => assert.equal(lower('ÀΣİ\u{10400}K'), 'àσi\u{10428}k'));
test('Ascii85', () => {
  assert.equal(new TextDecoder().decode(unarmor('9jqo^BlbD-BleB1DJ+*+F(f,q/0JhKFvGL>Cj@-')), 'Man is distinguished, not only ');
  assert.deepEqual([...unarmor('zs8W-!s8N')], [0, 0, 0, 0, 255, 255, 255, 255, 255, 255]);
});
