// One live line at the bottom of a terminal: what runs, for how long, and its last output. What is printed stays above.

import { fitting, plainText } from './control.ts';
import type { Style } from './style.ts';
import { formatSeconds } from './units.ts';

export interface Terminal {
  readonly columns?: number;
  write(text: string): unknown;
}

export interface LiveLine {
  /** Something begins now. Of several at once, the one that printed last is shown, with the number of the others. */
  begin(name: string): void;
  /** The last output of what runs. */
  update(name: string, text: string): void;
  /** It has ended. */
  end(name: string): void;
  /** Prints above the line. */
  print(text: string): void;
  /** Takes the line down, whatever still runs. */
  close(): void;
}

interface Running {
  readonly name: string;
  readonly since: number;
  readonly text: string;
}

const REDRAW_MILLISECONDS = 100;

export function createLiveLine(terminal: Terminal, style: Style): LiveLine {
  /** The one to show is the last. */
  const running = new Map<string, Running>();
  let drawn = false;
  let timer: NodeJS.Timeout | undefined;

  const erase = () => {
    if (drawn) terminal.write('\r\x1b[K');
    drawn = false;
  };
  const draw = () => {
    const shown = [...running.values()].at(-1);
    if (!shown) return;
    const { name, since, text } = shown;
    const others = running.size > 1 ? ` (+${running.size - 1})` : '';
    const time = `${formatSeconds((performance.now() - since) / 1000)}${others}`;
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
  const stopWhenIdle = () => {
    if (running.size > 0) return draw();
    clearInterval(timer);
    timer = undefined;
  };

  return {
    begin(name) {
      running.set(name, { name, since: performance.now(), text: '' });
      timer ??= setInterval(draw, REDRAW_MILLISECONDS).unref();
      draw();
    },
    update(name, text) {
      const before = running.get(name);
      const clean = plainText(text).trim();
      if (!before || clean === '') return;
      running.delete(name); // and to the end
      running.set(name, { ...before, text: clean });
    },
    end(name) {
      running.delete(name);
      erase();
      stopWhenIdle();
    },
    print(text) {
      erase();
      terminal.write(`${text}\n`);
      draw();
    },
    close() {
      running.clear();
      erase();
      stopWhenIdle();
    },
  };
}
