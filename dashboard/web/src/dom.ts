// Makes elements. Texts are set as texts, never as HTML: most of them come from log lines.

export type Child = Node | string | null | undefined | false;
type Handlers = { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };

// el makes an HTML element: el('p', { class: 'note' }, 'text').
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Record<string, string | number | boolean> = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

// svg makes an SVG element.
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K, attributes: Record<string, string | number | boolean> = {}, ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  fill(element, attributes, children);
  return element;
}

function fill(element: Element, attributes: Record<string, string | number | boolean>, children: Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(child);
}

// button makes a button that does something.
export function button(text: Child, attributes: Record<string, string | number | boolean>, click: (event: MouseEvent) => void): HTMLButtonElement {
  return on(el('button', { type: 'button', ...attributes }, text), { click });
}

// on adds handlers to an element and returns it.
export function on<E extends HTMLElement>(element: E, handlers: Handlers): E {
  for (const [name, handler] of Object.entries(handlers)) element.addEventListener(name, handler as EventListener);
  return element;
}
