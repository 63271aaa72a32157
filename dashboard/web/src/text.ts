// Shows a text that somebody else wrote.
import { el } from './dom.ts';
import { pieces, shorten, visible } from './format.ts';

// foreign makes an element of such a text: of its own direction, with the characters that
// cannot be seen written out, and short. The whole text stands in its title.
export function foreign(text: string, most = 160): HTMLElement {
  const cut = shorten(text, most);
  const element = el('bdi', cut === text ? {} : { title: visible(shorten(text, 8000)) });
  for (const piece of pieces(cut)) {
    element.append(piece.marked ? el('span', { class: 'hidden-character' }, piece.text) : piece.text);
  }
  return element;
}
