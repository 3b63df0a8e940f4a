// A terminal that shows output, with its colors and as much of it as one scrolls back.

import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon } from '@xterm/addon-search';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef } from 'preact/hooks';

const SCROLLBACK = 50_000;

/** What is shown is added by `write`. */
export class Screen {
  readonly terminal: Terminal;
  readonly search = new SearchAddon();
  readonly fit = new FitAddon();

  /** @param isTyped whether something is typed into it: then it is the console of a machine */
  constructor(isTyped = false) {
    this.terminal = new Terminal({
      convertEol: !isTyped,
      disableStdin: !isTyped,
      scrollback: SCROLLBACK,
      // Colors are made for dark terminals.
      minimumContrastRatio: 4.5,
      fontSize: 13,
      theme: themeNow(),
      // A link in the output leads nowhere.
      linkHandler: { activate() {} },
    });
    this.terminal.loadAddon(this.search);
    this.terminal.loadAddon(this.fit);
  }

  /** One line of a layer. */
  readonly line = (layer: string, text: string): void => {
    this.terminal.write(`\u001b[90m${layer} |\u001b[0m ${text}\u001b[0m\r\n`);
  };
}

function themeNow() {
  const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return { background: color('--code'), foreground: color('--text'), cursor: color('--code') };
}

/** Shows a screen, and searches it. */
export function TerminalView({ screen, label }: { readonly screen: Screen; readonly label: string }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const { terminal, fit } = screen;
    terminal.open(element);
    terminal.textarea?.setAttribute('aria-label', label);
    fit.fit();
    const resized = new ResizeObserver(() => fit.fit());
    resized.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const onScheme = () => {
      terminal.options.theme = themeNow();
    };
    scheme.addEventListener('change', onScheme);
    return () => {
      resized.disconnect();
      scheme.removeEventListener('change', onScheme);
      terminal.dispose();
    };
  }, [screen, label]);
  const find = (text: string, back: boolean) =>
    back ? screen.search.findPrevious(text) : screen.search.findNext(text);
  return (
    <section aria-label={label} class="output">
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          const text = new FormData(event.currentTarget).get('text');
          find(String(text), true);
        }}
      >
        <label>
          Search the output <input name="text" type="search" />
        </label>
        <button type="submit">Find</button>
      </form>
      <div class="screen" ref={place} />
    </section>
  );
}
