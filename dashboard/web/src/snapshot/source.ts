// The source of a page that is one file: the requests are in it.
import type { Answer, Board, Chain, Manifest, Requests } from '../contract.ts';
import { unpack } from './decode.ts';
import type { Header } from './decode.ts';
import type { Engine } from './engine.ts';
import { print } from '../state.ts';
import type { State } from './plan.ts';
import { answer, open } from './worker.ts';
import type { Message, Question, Reply } from './worker.ts';

export class SnapshotSource {
  readonly #header: Header;
  readonly #answer: Answer | undefined;
  readonly #asked: (q: Question) => Promise<unknown>;

  private constructor(header: Header, answer: Answer | undefined, asked: (q: Question) => Promise<unknown>) {
    this.#header = header;
    this.#answer = answer;
    this.#asked = asked;
  }

  // open takes the blocks out of a page, so that the browser does not hold them twice. The
  // requests are read in the background. It returns null for a page that is not such a file.
  static async open(page: Document, script: string): Promise<SnapshotSource | null> {
    const text = take(page, 'snapshot');
    if (text === null) return null;
    const header = JSON.parse(text) as Header;
    const blocks: string[] = [];
    for (let n = 0; ; n++) {
      const block = take(page, `snapshot-${n}`);
      if (block === null) break;
      blocks.push(block);
    }
    const needed = header.columns.flatMap((c) => [c.values, c.order, c.codes]).concat(header.answer).filter((n) => n !== undefined);
    if (needed.some((n) => n >= blocks.length)) throw new Error('the file is cut off: a block is missing');
    const worker = await begin(script);
    // The worker begins to read before the page unpacks what it draws first.
    const first = header.answer === undefined ? '' : blocks[header.answer]!;
    worker?.postMessage({ header, blocks } satisfies Message);
    const answer = header.answer === undefined ? undefined : JSON.parse(new TextDecoder().decode(await unpack(first))) as Answer;
    if (worker === null) return new SnapshotSource(header, answer, here(header, blocks));
    return new SnapshotSource(header, answer, inTurn(worker));
  }

  async manifest(): Promise<Manifest> {
    return this.#header.manifest;
  }

  // known returns what the file says for all requests, before they are read.
  known(s: State): { chain: Chain; answer?: Answer } | null {
    if (print(s) !== '' || this.#header.manifest.sampled < 1) return null;
    return this.#answer === undefined ? { chain: this.#header.chain } : { chain: this.#header.chain, answer: this.#answer };
  }

  explore(state: State): Promise<Answer> {
    return this.#asked({ kind: 'explore', state }) as Promise<Answer>;
  }

  board(q: { state: State; dimension: string; limit: number; find: string }): Promise<Board> {
    return this.#asked({ kind: 'board', ...q }) as Promise<Board>;
  }

  requests(state: State, cursor: string, limit: number): Promise<Requests> {
    return this.#asked({ kind: 'requests', state, cursor, limit }) as Promise<Requests>;
  }

  chain(state: State): Promise<Chain> {
    return this.#asked({ kind: 'chain', state }) as Promise<Chain>;
  }
}

function take(page: Document, id: string): string | null {
  const element = page.getElementById(id);
  if (element === null) return null;
  element.remove();
  return element.textContent;
}

// begin starts the worker; null where the browser lets a page from a file have none.
function begin(script: string): Promise<Worker | null> {
  return new Promise((resolve) => {
    if (script === '') return resolve(null);
    const address = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
    const end = (worker: Worker | null): void => {
      URL.revokeObjectURL(address);
      resolve(worker);
    };
    try {
      const worker = new Worker(address);
      worker.onmessage = () => end(worker);
      worker.onerror = (event) => {
        event.preventDefault();
        end(null);
      };
    } catch {
      end(null);
    }
  });
}

// here counts in the thread of the page.
function here(header: Header, blocks: string[]): (q: Question) => Promise<unknown> {
  let engine: Promise<Engine> | undefined;
  return async (q) => {
    engine ??= open(header, blocks);
    return answer(await engine, header.chain, q);
  };
}

// inTurn asks the worker one question after the other. A question for all panels takes
// the place of one that still waits: nobody looks at its answer any longer.
function inTurn(worker: Worker): (q: Question) => Promise<unknown> {
  interface Job { q: Question; resolve: (value: unknown) => void; reject: (error: Error) => void }
  const waiting: Job[] = [];
  let current: Job | undefined;
  const next = (): void => {
    current = waiting.shift();
    if (current !== undefined) worker.postMessage(current.q satisfies Message);
  };
  worker.onmessage = ({ data }: MessageEvent<Reply>) => {
    const job = current;
    next();
    if ('value' in data) job?.resolve(data.value);
    else if ('error' in data) job?.reject(new Error(data.error));
  };
  worker.onerror = (event) => {
    const job = current;
    next();
    job?.reject(new Error(event.message || 'the browser ended the counting: it may lack memory'));
  };
  const all = (q: Question): boolean => q.kind !== 'board' && (q.kind !== 'requests' || q.cursor === '');
  return (q) => new Promise((resolve, reject) => {
    const old = all(q) ? waiting.findIndex((job) => all(job.q) && job.q.kind === q.kind) : -1;
    if (old >= 0) waiting.splice(old, 1)[0]!.reject(new Error('another question came'));
    waiting.push({ q, resolve, reject });
    if (current === undefined) next();
  });
}
