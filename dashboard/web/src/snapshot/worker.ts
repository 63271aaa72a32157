// Counts in a thread of its own, so that the page never stands still. The worker is the
// script of the page again: nothing else has to be in the file.
import type { Chain } from '../contract.ts';
import { decode, unpack } from './decode.ts';
import type { Header } from './decode.ts';
import { Engine } from './engine.ts';
import { emptyState } from '../state.ts';
import type { State } from './plan.ts';

// A Question is what the page asks.
export type Question =
  | { kind: 'explore'; state: State }
  | { kind: 'chain'; state: State }
  | { kind: 'board'; state: State; dimension: string; limit: number; find: string }
  | { kind: 'requests'; state: State; cursor: string; limit: number };

// A Message goes to the worker: first the requests, then questions, one at a time.
export type Message = { header: Header; blocks: string[] } | Question;

// A Reply comes from it: once that it has begun, then one for each question.
export type Reply = { begun: true } | { value: unknown } | { error: string };

// open reads the requests. The texts of the blocks are dropped one by one.
export async function open(header: Header, blocks: string[]): Promise<Engine> {
  const table = await decode(header, (n) => {
    const text = blocks[n] ?? '';
    blocks[n] = '';
    return unpack(text);
  });
  return new Engine(table, header.manifest);
}

export function answer(engine: Engine, chain: Chain, q: Question): unknown {
  switch (q.kind) {
    case 'explore': return engine.explore(q.state);
    case 'chain': return engine.chain(q.state, chain);
    case 'board': return engine.board(q.state, q.dimension, q.limit, q.find);
    case 'requests': return engine.requests(q.state, q.cursor, q.limit);
  }
}

// work is the life of the worker.
export function work(): void {
  const page = self as unknown as { postMessage(reply: Reply): void; onmessage: ((event: MessageEvent<Message>) => void) | null };
  let opened: Promise<Engine> | undefined;
  let chain: Chain | undefined;
  let warm = false;
  page.onmessage = ({ data }) => {
    if ('header' in data) {
      chain = data.header.chain;
      opened = open(data.header, data.blocks);
      opened.catch(() => undefined); // each question says it
      return;
    }
    opened?.then((engine) => {
      page.postMessage({ value: answer(engine, chain!, data) });
      if (warm) return;
      warm = true;
      // The page drew an answer of the file. Counting it once prepares the engine, so that
      // the first click is answered as fast as the others.
      setTimeout(() => engine.explore(emptyState()), 0);
    })
      .catch((error: unknown) => page.postMessage({ error: error instanceof Error ? error.message : String(error) }));
  };
  page.postMessage({ begun: true });
}
