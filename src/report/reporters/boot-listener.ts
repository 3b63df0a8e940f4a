// Shows a test boot: a live line on a terminal, otherwise the lines of the console; the command's output unchanged.

import type { BootListener } from '../../model/ports/booter.ts';
import { isLive } from '../terminal/is-live.ts';
import { createLiveView } from '../terminal/live-view.ts';
import { createStyle, wantsColor } from '../terminal/style.ts';

/** The name in the live line. */
const BOOTING = 'booting';

/** Notes and the console go to stderr; the output of the command in the guest goes to the stream it was written to. */
export function bootListener(color: boolean | undefined): BootListener & { close(): void } {
  const { stdout, stderr } = process;
  const style = createStyle(wantsColor(color, stderr));
  const live = isLive(stderr, process.env) ? createLiveView(stderr, style) : undefined;
  let held = '';
  let begun = false;
  return {
    note: (line) => (live ? live.print(line) : void stderr.write(`${line}\n`)),
    console(text) {
      if (live && !begun) live.begin(BOOTING);
      begun = true;
      const lines = (held + text).split('\n');
      held = lines.pop() ?? '';
      for (const line of lines) {
        if (live) live.update(BOOTING, line);
        else stderr.write(`${style.dim('console |')} ${line}\n`);
      }
    },
    commandOutput(output) {
      live?.close();
      stdout.write(output.stdout);
      stderr.write(output.stderr);
    },
    close() {
      live?.close();
      if (!live && held !== '') stderr.write(`${style.dim('console |')} ${held}\n`);
      held = '';
    },
  };
}
