// Chooses the reporter for a value of --progress and the standard streams.

import { isLive } from '../terminal/is-live.ts';
import { createStyle, wantsColor } from '../terminal/style.ts';
import { jsonReporter } from './json.ts';
import { plainReporter } from './plain.ts';
import { quietReporter } from './quiet.ts';
import type { Reporter } from './reporter.ts';
import { ttyReporter } from './tty.ts';

export type Progress = 'auto' | 'tty' | 'plain' | 'quiet' | 'json';

/** Progress goes to stderr; results, and JSON, to stdout. `auto` is `tty` where `isLive`, else `plain`. */
export function createReporter(progress: Progress, color: boolean | undefined): Reporter {
  const { stdout, stderr } = process;
  const style = createStyle(wantsColor(color, stderr));
  const write = (text: string) => void stderr.write(`${text}\n`);
  const result = (text: string) => void stdout.write(`${text}\n`);
  const live = isLive(stderr, process.env) ? 'tty' : 'plain';
  switch (progress === 'auto' ? live : progress) {
    case 'tty':
      return ttyReporter(stderr, result, style);
    case 'quiet':
      return quietReporter(write, style);
    case 'json':
      return jsonReporter(result);
    default:
      return plainReporter(write, result, style);
  }
}
