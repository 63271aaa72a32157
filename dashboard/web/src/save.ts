import { el } from './dom.ts';

// save hands a file to the browser.
export function save(name: string, file: Blob): void {
  const address = URL.createObjectURL(file);
  const link = el('a', { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
