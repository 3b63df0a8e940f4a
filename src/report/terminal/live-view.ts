// One line at the bottom of a terminal for each running task: time, size and last output. Printed text stays above them.
// Each frame is a single write that paints over the previous one without erasing it first; at most ten a second.

import { formatBytes, formatSeconds } from '../../util/units.ts';
import type { Style } from './style.ts';
import { fitting, plainText, widthOf } from './width.ts';

export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

export interface LiveView {
  /** Adds a line for a task that begins now, below the others. @param place shown behind its name */
  begin(name: string, place?: string): void;
  /** Sets which part of a task runs, and clears its last output. */
  step(name: string, text: string): void;
  /** Sets the last output of a task. */
  update(name: string, text: string): void;
  /** Sets the current size in bytes, and the total where it is known. */
  grow(name: string, bytes: number, total?: number): void;
  /** Removes the line of a task, and prints text above the others in the same frame. */
  end(name: string, text?: string): void;
  /** Prints above the lines. */
  print(text: string): void;
  /** Removes all lines. */
  close(): void;
}

interface Running {
  readonly since: number;
  readonly place: string;
  /** The part of it that runs, if it has parts. */
  step: string;
  text: string;
  size: string;
}

type Paint = (text: string) => string;

/** The parts of a line, each with its color. */
type Line = readonly (readonly [string, Paint])[];

const FRAME_MILLISECONDS = 100;

export function createLiveView(terminal: Terminal, style: Style): LiveView {
  const running = new Map<string, Running>();
  /** The widths of the lines on the screen. The cursor is at the end of the last. */
  let drawn: readonly number[] = [];
  let lastFrame = '';
  let lastTime = Number.NEGATIVE_INFINITY;
  /** Text to print with the next frame. */
  let above = '';
  let clock: NodeJS.Timeout | undefined;

  const frame = () => {
    const { columns = 80, rows = 24 } = terminal;
    // Not the last column: some terminals wrap there.
    const lines = linesOf(running, rows - 1, style).map((line) => cut(line, columns - 1));
    // Without lines, one row is erased as well: some terminals move what a bare erase of all rows finds into their history.
    const text = lines.length === 0 ? '\x1b[K' : lines.map(({ painted }) => `${painted}\x1b[K`).join('\n');
    const next = `${columns} ${text}`;
    if (above === '' && next === lastFrame) return;
    const upTo = drawn.length === 0 ? '' : `\r${up(rowsOf(drawn, columns) - 1)}`;
    const printed = above.replaceAll('\n', '\x1b[K\n');
    // Erases the rest of a larger frame, and of wider lines that the terminal has wrapped.
    terminal.write(
      `${upTo}${drawn.length === 0 ? above : printed}${text}${drawn.length === 0 ? '' : '\x1b[J'}`,
    );
    drawn = lines.map(({ width }) => width);
    lastFrame = next;
    above = '';
    lastTime = performance.now();
  };
  /** Draws at once when no task is left: another program may write to the terminal next. */
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
    begin(name, place = '') {
      running.set(name, { since: performance.now(), place, step: '', text: '', size: '' });
      changed();
    },
    step(name, text) {
      const one = running.get(name);
      if (one) Object.assign(one, { step: plainText(text), text: '' });
      if (one) changed();
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
    end(name, text) {
      if (text !== undefined) above += `${text}\n`;
      if (running.delete(name) || text !== undefined) changed();
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

/** As many lines as there is room for; the last gives the number of those left out. */
function linesOf(running: ReadonlyMap<string, Running>, room: number, style: Style): Line[] {
  const all = [...running];
  if (all.length <= room) return all.map((one) => lineOf(one, style));
  const [first] = all;
  if (room <= 1) return first ? [lineOf(first, style, ` (+${all.length - 1})`)] : [];
  const shown = all.slice(0, room - 1).map((one) => lineOf(one, style));
  return [...shown, [[`  +${all.length - shown.length} more`, style.dim]]];
}

function lineOf(
  [name, { since, place, step, text, size }]: [string, Running],
  style: Style,
  others = '',
): Line {
  const time = formatSeconds((performance.now() - since) / 1000);
  return [
    ['› ', style.cyan],
    [name, style.bold],
    [place, style.dim],
    [step === '' ? '' : `  ${step}`, (plain) => plain],
    [`  ${time}${size === '' ? '' : `  ${size}`}${others}`, style.dim],
    [text === '' ? '' : `  ${text}`, step === '' ? (plain) => plain : style.dim],
  ];
}

/** The part of a line that fits. */
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

/** How many rows lines of these widths take on a terminal that wraps them at this many columns. */
function rowsOf(widths: readonly number[], columns: number): number {
  return widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
}

function up(rows: number): string {
  return rows > 0 ? `\x1b[${rows}A` : '';
}
