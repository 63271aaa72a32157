// What all panels share.
import type { Answer, Chain, Manifest } from './contract.ts';
import type { Source } from './source.ts';
import type { Choice, State } from './state.ts';

// A Page is the page as its panels see it.
export interface Page {
  readonly source: Source;
  readonly manifest: Manifest;
  readonly state: State;
  go(state: State): void; // shows another state, and remembers this one for the back button
  choose(dimension: string, value: string, how: Choice): void;
  fail(what: string, error: unknown): void;
}

// A View is a panel that shows an answer.
export interface View {
  root: HTMLElement;
  show(answer: Answer): void;
}

export interface ChainView {
  root: HTMLElement;
  show(chain: Chain): void;
}
