// One live line at the bottom of a terminal: what runs, for how long, and its last output. What is printed stays above.

import { fitting, plainText } from './control.ts';
import type { Style } from './style.ts';
import { formatSeconds } from './units.ts';

export interface Terminal {
  readonly columns?: number;
  write(text: string): unknown;
}

export interface LiveLine {
  /** Shows the line for something that begins now. */
  begin(name: string): void;
  /** The last output of what runs; one line of it is all it gets. */
  update(text: string): void;
  /** Takes the line down. */
  end(): void;
  /** Prints above the line. */
  print(text: string): void;
}

const REDRAW_MILLISECONDS = 100;

export function createLiveLine(terminal: Terminal, style: Style): LiveLine {
  let running: { name: string; since: number; text: string } | undefined;
  let drawn = false;
  let timer: NodeJS.Timeout | undefined;

  const erase = () => {
    if (drawn) terminal.write('\r\x1b[K');
    drawn = false;
  };
  const draw = () => {
    if (!running) return;
    const { name, since, text } = running;
    const time = formatSeconds((performance.now() - since) / 1000);
    // Never the last column: some terminals wrap there, and the line could not be erased any more.
    const room = (terminal.columns ?? 80) - 1 - `› ${name}  ${time}`.length;
    erase();
    if (room < 0) terminal.write(name.slice(0, Math.max(0, (terminal.columns ?? 80) - 1)));
    else {
      const tail = room > 8 ? `  ${fitting(text, room - 2)}` : '';
      terminal.write(`${style.cyan('›')} ${style.bold(name)}  ${style.dim(time)}${tail}`);
    }
    drawn = true;
  };

  return {
    begin(name) {
      running = { name, since: performance.now(), text: '' };
      timer ??= setInterval(draw, REDRAW_MILLISECONDS).unref();
      draw();
    },
    update(text) {
      const clean = plainText(text).trim();
      if (running && clean !== '') running.text = clean;
    },
    end() {
      clearInterval(timer);
      timer = undefined;
      erase();
      running = undefined;
    },
    print(text) {
      erase();
      terminal.write(`${text}\n`);
      draw();
    },
  };
}
