// Where the page takes its answers from.
import type { Answer, Board, Chain, Manifest, Problem, Requests } from './contract.ts';
import { SnapshotSource } from './snapshot/source.ts';
import type { State } from './state.ts';
import { print } from './state.ts';

export interface BoardQuery {
  state: State;
  dimension: string;
  limit: number;
  find: string;
}

export interface Source {
  manifest(): Promise<Manifest>;
  explore(state: State): Promise<Answer>;
  board(query: BoardQuery): Promise<Board>;
  requests(state: State, cursor: string, limit: number): Promise<Requests>;
  chain(state: State): Promise<Chain>;
  known?(state: State): { chain: Chain; answer?: Answer } | null; // what is known without counting
}

// openSource takes the requests that are in the document; without any it asks the server.
// script is that of the page, for a worker.
export async function openSource(page: Document, script: string): Promise<Source> {
  return (await SnapshotSource.open(page, script)) ?? new HttpSource();
}

// HttpSource asks clearhop serve.
export class HttpSource implements Source {
  manifest(): Promise<Manifest> {
    return ask('manifest', '');
  }

  explore(state: State): Promise<Answer> {
    return ask('explore', print(state));
  }

  board(q: BoardQuery): Promise<Board> {
    const own = new URLSearchParams({ dimension: q.dimension, limit: String(q.limit) });
    if (q.find !== '') own.set('find', q.find);
    return ask('board', join(own.toString(), print(q.state)));
  }

  requests(state: State, cursor: string, limit: number): Promise<Requests> {
    const own = new URLSearchParams({ limit: String(limit) });
    if (cursor !== '') own.set('before', cursor);
    return ask('requests', join(own.toString(), print(state)));
  }

  chain(state: State): Promise<Chain> {
    return ask('chain', print(state));
  }
}

function join(own: string, state: string): string {
  return state === '' ? own : `${own}&${state}`;
}

async function ask<T>(name: string, query: string): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`api/${name}${query === '' ? '' : `?${query}`}`, { headers: { Accept: 'application/json' } });
  } catch {
    throw new Error('The server does not answer. Is clearhop serve still running? Start it again, then choose Try again.');
  }
  if (response.ok) return (await response.json()) as T;
  const problem = (await response.json().catch(() => null)) as Problem | null;
  throw new Error(problem?.error ?? `The server answered with status ${response.status}. Choose Try again.`);
}
