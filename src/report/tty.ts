// A live line for the running layer, at the bottom of the terminal; what ended stays above it.

import { unreachable } from '../model/unreachable.ts';
import { finishedLine, type Reporter, summary } from './reporter.ts';
import type { Style } from './style.ts';
import { formatSeconds } from './units.ts';

export interface Terminal {
  readonly columns?: number;
  write(text: string): unknown;
}

const REDRAW_MILLISECONDS = 100;
/** Escape sequences (ECMA-48 CSI and OSC) and control characters of a script's output: one line is all it gets. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
const CONTROL = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)|[\x00-\x08\x0b-\x1f\x7f]/g;

interface Running {
  readonly layer: string;
  readonly since: number;
  line: string;
}

export function ttyReporter(terminal: Terminal, style: Style): Reporter {
  let running: Running | undefined;
  let drawn = false;
  let timer: NodeJS.Timeout | undefined;

  const erase = () => {
    if (drawn) terminal.write('\r\x1b[K');
    drawn = false;
  };
  const draw = () => {
    if (!running) return;
    const time = formatSeconds((performance.now() - running.since) / 1000);
    const head = `${running.layer}  ${time}`;
    const room = (terminal.columns ?? 80) - head.length - 4;
    const tail = room > 8 ? running.line.replaceAll('\t', ' ').replace(CONTROL, '').slice(0, room) : '';
    erase();
    terminal.write(`${style.cyan('›')} ${style.bold(running.layer)}  ${style.dim(time)}  ${tail}`);
    drawn = true;
  };
  const print = (text: string) => {
    erase();
    terminal.write(`${text}\n`);
    draw();
  };
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
    erase();
    running = undefined;
  };

  return {
    report(event) {
      switch (event.type) {
        case 'plan':
        case 'layer-stage':
          return;
        case 'layer-started':
          running = { layer: event.layer, since: performance.now(), line: '' };
          timer ??= setInterval(draw, REDRAW_MILLISECONDS);
          return draw();
        case 'output':
          if (running && event.line.trim() !== '') running.line = event.line;
          return;
        case 'layer-finished': {
          stop();
          const line = finishedLine(event, style);
          return line === undefined ? undefined : print(line);
        }
        case 'note':
          return print(`${style.yellow('note:')} ${event.message}`);
        case 'finished':
          stop();
          return print(summary(event, style));
        default:
          return unreachable(event);
      }
    },
    close: stop,
  };
}
