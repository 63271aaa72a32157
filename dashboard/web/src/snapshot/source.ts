// The source of a page that is one file: the requests are in it.
import type { Answer, Board, Chain, Manifest, Requests } from '../contract.ts';
import { decode, unpack } from './decode.ts';
import type { Header } from './decode.ts';
import { Engine } from './engine.ts';
import type { State } from './plan.ts';

export class SnapshotSource {
  readonly #header: Header;
  readonly #engine: Engine;

  private constructor(header: Header, engine: Engine) {
    this.#header = header;
    this.#engine = engine;
  }

  // open reads the blocks of a page. They are taken out of it, so that the browser does not
  // hold them twice. It returns null for a page that is not such a file.
  static async open(page: Document): Promise<SnapshotSource | null> {
    const text = take(page, 'snapshot');
    if (text === null) return null;
    const header = JSON.parse(text) as Header;
    const table = await decode(header, async (n) => {
      const block = take(page, `snapshot-${n}`);
      if (block === null) throw new Error('the file is cut off: a block is missing');
      return unpack(block);
    });
    return new SnapshotSource(header, new Engine(table, header.manifest));
  }

  async manifest(): Promise<Manifest> {
    return this.#header.manifest;
  }

  async explore(s: State): Promise<Answer> {
    return this.#engine.explore(s);
  }

  async board(q: { state: State; dimension: string; limit: number; find: string }): Promise<Board> {
    return this.#engine.board(q.state, q.dimension, q.limit, q.find);
  }

  async requests(s: State, cursor: string, limit: number): Promise<Requests> {
    return this.#engine.requests(s, cursor, limit);
  }

  async chain(s: State): Promise<Chain> {
    return this.#engine.chain(s, this.#header.chain);
  }
}

function take(page: Document, id: string): string | null {
  const element = page.getElementById(id);
  if (element === null) return null;
  element.remove();
  return element.textContent;
}
