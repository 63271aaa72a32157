import assert from 'node:assert/strict';
import test from 'node:test';
import { csv } from '../src/csv.ts';
import { bytes, change, moment, pieces, readTime, seconds, share, shorten, visible } from '../src/format.ts';
import { chips, choiceOf, choose, emptyState, parse, print, without } from '../src/state.ts';

const dimensions = ['country', 'path', 'status'];

test('a state is read as it was written', () => {
  for (const query of [
    '',
    'since=2026-11-01T00%3A00%3A00Z&until=2026-11-02T00%3A00%3A00.250Z&compare=1&kind=robots&f.country=JP&f.country=FR&x.status=200&q=a%26b',
    'f.country=&x.path=%2F%E2%80%AE',
  ]) assert.equal(print(parse(`#${query}`, dimensions)), query);
});
test('what is not known is left out', () => {
  assert.equal(print(parse('#f.planet=Mars&kind=cats&compare=2&since=soon&until=2026-13-01T00:00:00Z&z=1', dimensions)), '');
  assert.equal(print(parse('#since=2026-11-02T00:00:00Z&until=2026-11-01T00:00:00Z', dimensions)), '');
  assert.equal(parse(`#q=${'ä'.repeat(300)}`, dimensions).search.length, 100);
});
test('choosing', () => {
  let s = choose(emptyState(), 'path', '/a', 'only');
  assert.equal(print(s), 'f.path=%2Fa');
  s = choose(s, 'path', '/b', 'add');
  assert.equal(print(s), 'f.path=%2Fa&f.path=%2Fb');
  assert.equal(print(choose(s, 'path', '/a', 'add')), 'f.path=%2Fb');
  assert.equal(print(choose(s, 'path', '/a', 'only')), 'f.path=%2Fa');
  assert.equal(print(choose(choose(emptyState(), 'path', '/a', 'only'), 'path', '/a', 'only')), '');
  assert.equal(print(choose(s, 'path', '/c', 'exclude')), 'x.path=%2Fc');
  assert.equal(print(without(s, 'path', '/b')), 'f.path=%2Fa');
  assert.equal(print(without(s, 'path')), '');
});
test('keys of a click', () => {
  const none = { shiftKey: false, altKey: false, ctrlKey: false, metaKey: false };
  assert.equal(choiceOf(none), 'only');
  assert.equal(choiceOf({ ...none, shiftKey: true }), 'add');
  assert.equal(choiceOf({ ...none, ctrlKey: true }), 'exclude');
  assert.equal(choiceOf({ ...none, altKey: true }), 'exclude');
});
test('chips', () => {
  const s = parse('f.country=&x.status=200&q=cart', dimensions);
  const shown = chips(s, new Map([['country', { title: 'Countries', none: 'country not known' }], ['status', { title: 'Status', none: 'no status' }]]));
  assert.deepEqual(shown.map((c) => [c.text, c.value, print(c.without)]), [
    ['Countries:', 'country not known', 'x.status=200&q=cart'],
    ['Status not', '200', 'f.country=&q=cart'],
    ['Contains', 'cart', 'f.country=&x.status=200'],
  ]);
});
test('CSV', () => {
  assert.equal(csv([['a', 'b,c', '"'], [1, -2, null]]), 'a,"b,c",""""\r\n1,-2,\r\n');
  for (const formula of ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '\n=1', '＝1']) assert.match(csv([[formula]]), /^"?'/);
  assert.equal(csv([['a=1'], ['x\ny']]), 'a=1\r\n"x\ny"\r\n');
});
test('numbers', () => {
  assert.deepEqual([share(0, 10), share(10, 10), share(1, 100000), share(99999, 100000), share(1, 0), share(995, 1000), share(123, 1000)],
    ['0%', '100%', '<0.1%', '>99.9%', '–', '99%', '12%']);
  assert.deepEqual([change(10, 10), change(1, 0), change(15, 10), change(5, 10), change(500, 10)], ['0%', 'new', '+50%', '−50%', '×50']);
  assert.deepEqual([seconds(null), seconds(0), seconds(0.00042), seconds(0.012), seconds(1.5), seconds(0.9999), seconds(150)],
    ['–', '0 ms', '420 µs', '12 ms', '1.5 s', '1 s', '2.5 min']);
  assert.deepEqual([bytes(999), bytes(1500), bytes(2e9)], ['999 B', '1.5 kB', '2.0 GB']);
  assert.equal(moment('2026-11-20T14:05:00Z'), '2026-11-20 14:05:00');
  assert.equal(moment('2026-11-20T14:05:00.25Z'), '2026-11-20 14:05:00.250');
});
test('texts of visitors', () => {
  assert.equal(visible('a\u001b[31m\u202eb\u0000\u200b\ufeff\u{e0041}'), 'a␛[31m\\u202Eb␀\\u200B\\uFEFF\\u{E0041}');
  assert.deepEqual(pieces('x\ny'), [{ text: 'x', marked: false }, { text: '␊', marked: true }, { text: 'y', marked: false }]);
  assert.equal(shorten('short', 10), 'short');
  const cut = shorten('/'.padEnd(8192, 'ab'), 100);
  assert.ok(cut.length <= 100 && cut.includes('…'));
  assert.ok(shorten('😀'.repeat(500), 50).isWellFormed?.() ?? true);
});

test('a time is read as it is written', () => {
  const at = Date.UTC(2026, 10, 20, 14, 5, 7, 250);
  assert.equal(readTime(moment(at)), at);
  assert.equal(readTime(' 2026-11-20T14:05Z '), Date.UTC(2026, 10, 20, 14, 5));
  assert.equal(readTime('2026-11-20'), Date.UTC(2026, 10, 20));
  assert.equal(readTime(' '), null);
  for (const wrong of ['yesterday', '20.11.2026', '2026-13-01', '2026-11-20 25:00', '2026-11-20 14']) assert.equal(readTime(wrong), undefined, wrong);
});
