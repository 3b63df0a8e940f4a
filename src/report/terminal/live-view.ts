// What runs, at the bottom of a terminal: a line each, with time, size and last output. What is printed stays above.
// A frame is one write, which paints over the last one without erasing it first, and there are at most ten a second.

import { formatBytes, formatSeconds } from '../../util/units.ts';
import type { Style } from './style.ts';
import { fitting, plainText, widthOf } from './width.ts';

export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

export interface LiveView {
  /** Something begins now: its line comes below the others'. */
  begin(name: string): void;
  /** The last output of what runs. */
  update(name: string, text: string): void;
  /** How large it is by now, in bytes; of so many, where that is known. */
  grow(name: string, bytes: number, total?: number): void;
  /** It has ended. */
  end(name: string): void;
  /** Prints above the lines. */
  print(text: string): void;
  /** Takes the lines down, whatever still runs. */
  close(): void;
}

interface Running {
  readonly since: number;
  text: string;
  size: string;
}

type Paint = (text: string) => string;

/** Parts of a line, each with its colour. */
type Line = readonly (readonly [string, Paint])[];

const FRAME_MILLISECONDS = 100;

export function createLiveView(terminal: Terminal, style: Style): LiveView {
  const running = new Map<string, Running>();
  /** How wide the lines are that stand there now. The cursor is behind the last. */
  let drawn: readonly number[] = [];
  let lastFrame = '';
  let lastTime = Number.NEGATIVE_INFINITY;
  /** Printed since the last frame. */
  let above = '';
  let clock: NodeJS.Timeout | undefined;

  const frame = () => {
    const { columns = 80, rows = 24 } = terminal;
    // Never the last column: some terminals wrap there, and the line would be two.
    const lines = linesOf(running, rows - 1, style).map((line) => cut(line, columns - 1));
    const text = lines.map(({ painted }) => `${painted}\x1b[K`).join('\n');
    const next = `${columns} ${text}`;
    if (above === '' && next === lastFrame) return;
    const upTo = drawn.length === 0 ? '' : `\r${up(rowsOf(drawn, columns) - 1)}`;
    const printed = above.replaceAll('\n', '\x1b[K\n');
    // What is left below of a larger frame, and of wider lines that the terminal has wrapped, goes last.
    terminal.write(
      `${upTo}${drawn.length === 0 ? above : printed}${text}${drawn.length === 0 ? '' : '\x1b[J'}`,
    );
    drawn = lines.map(({ width }) => width);
    lastFrame = next;
    above = '';
    lastTime = performance.now();
  };
  /** Nobody waits for the clock when nothing runs: others may write to the terminal next. */
  const changed = () => {
    if (running.size === 0) {
      clearInterval(clock);
      clock = undefined;
      frame();
    } else {
      clock ??= setInterval(frame, FRAME_MILLISECONDS).unref();
      if (performance.now() - lastTime >= FRAME_MILLISECONDS) frame();
    }
  };

  return {
    begin(name) {
      running.set(name, { since: performance.now(), text: '', size: '' });
      changed();
    },
    update(name, text) {
      const one = running.get(name);
      const clean = plainText(text).trim();
      if (one && clean !== '') one.text = clean;
    },
    grow(name, bytes, total) {
      const one = running.get(name);
      if (one) one.size = formatBytes(bytes) + (total === undefined ? '' : ` of ${formatBytes(total)}`);
    },
    end(name) {
      if (running.delete(name)) changed();
    },
    print(text) {
      above += `${text}\n`;
      changed();
    },
    close() {
      running.clear();
      changed();
    },
  };
}

/** As many lines as there is room for. Of more, the last says how many they are. */
function linesOf(running: ReadonlyMap<string, Running>, room: number, style: Style): Line[] {
  const all = [...running];
  if (all.length <= room) return all.map((one) => lineOf(one, style));
  const [first] = all;
  if (room <= 1) return first ? [lineOf(first, style, ` (+${all.length - 1})`)] : [];
  const shown = all.slice(0, room - 1).map((one) => lineOf(one, style));
  return [...shown, [[`  +${all.length - shown.length} more`, style.dim]]];
}

function lineOf([name, { since, text, size }]: [string, Running], style: Style, others = ''): Line {
  const time = formatSeconds((performance.now() - since) / 1000);
  return [
    ['› ', style.cyan],
    [name, style.bold],
    [`  ${time}${size === '' ? '' : `  ${size}`}${others}`, style.dim],
    [text === '' ? '' : `  ${text}`, (plain) => plain],
  ];
}

/** As much of a line as fits. */
function cut(line: Line, columns: number): { readonly painted: string; readonly width: number } {
  let width = 0;
  let painted = '';
  for (const [text, paint] of line) {
    const fits = fitting(text, columns - width);
    if (fits !== '') painted += paint(fits);
    width += widthOf(fits);
    if (fits.length < text.length) break;
  }
  return { painted, width };
}

/** The rows of these lines on a terminal that has become this narrow since they were drawn, and has wrapped them. */
function rowsOf(widths: readonly number[], columns: number): number {
  return widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
}

function up(rows: number): string {
  return rows > 0 ? `\x1b[${rows}A` : '';
}
