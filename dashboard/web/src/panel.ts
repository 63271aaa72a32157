// A panel: a heading, what may be done with it, and its content.
import type { Cell } from './csv.ts';
import { csv } from './csv.ts';
import { button, el } from './dom.ts';
import type { Picture } from './picture.ts';
import { savePicture } from './picture.ts';
import { save } from './save.ts';

export interface Exports {
  table: () => Cell[][]; // its first row are the titles
  picture: () => Picture;
}

export interface Panel {
  root: HTMLElement;
  body: HTMLElement;
  note: HTMLElement; // beside the heading
  tools: HTMLElement;
}

// panel makes an empty panel. Its id is part of the names of exported files.
export function panel(id: string, title: string, exports: Exports): Panel {
  const note = el('span', { class: 'panel-note' });
  const tools = el('div', { class: 'tools' },
    button('CSV', { title: 'Save the numbers as a table', 'aria-label': `Save ${title} as CSV` }, () => {
      save(`clearhop-${id}.csv`, new Blob([csv(exports.table())], { type: 'text/csv' }));
    }),
    button('PNG', { title: 'Save a picture', 'aria-label': `Save ${title} as PNG` }, () => {
      void savePicture(`clearhop-${id}.png`, title, exports.picture());
    }));
  const body = el('div', { class: 'panel-body' });
  const heading = el('h2', { id: `title-${id}` }, title);
  const root = el('section', { class: 'panel', id: `panel-${id}`, 'aria-labelledby': `title-${id}` },
    el('header', { class: 'panel-head' }, heading, note, tools), body);
  return { root, body, note, tools };
}
