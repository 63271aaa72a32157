// Light and dark: as the system says, or as the person chose.
import { button } from './dom.ts';

const key = 'clearhop-theme';
const order = ['system', 'light', 'dark'] as const;
type Theme = (typeof order)[number];

// colour reads a colour of the style sheet, for what is drawn on a canvas.
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// themeSwitch makes the button. changed is called when the colours are others.
export function themeSwitch(changed: () => void): HTMLButtonElement {
  let theme = stored();
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const element = button('', { class: 'quiet' }, () => {
    theme = order[(order.indexOf(theme) + 1) % order.length]!;
    try {
      localStorage.setItem(key, theme);
    } catch {
      // a page from a file may not store anything; the choice holds while it is open
    }
    show();
  });
  const show = (): void => {
    document.documentElement.dataset['theme'] = theme !== 'system' ? theme : dark.matches ? 'dark' : 'light';
    element.textContent = { system: 'Theme: system', light: 'Theme: light', dark: 'Theme: dark' }[theme];
    changed();
  };
  dark.addEventListener('change', show);
  show();
  return element;
}

function stored(): Theme {
  try {
    return order.find((t) => t === localStorage.getItem(key)) ?? 'system';
  } catch {
    return 'system';
  }
}
