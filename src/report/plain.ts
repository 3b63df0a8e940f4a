// Lines with a prefix, for logs, pipes and CI.

import { unreachable } from '../model/unreachable.ts';
import { finishedLine, type Reporter, resultText, summary, type Write } from './reporter.ts';
import type { Style } from './style.ts';

/** Every line of a script is shown behind its layer's name. */
export function plainReporter(write: Write, writeResult: Write, style: Style): Reporter {
  return {
    report(event) {
      switch (event.type) {
        case 'plan':
        case 'layer-stage':
          return;
        case 'layer-started':
          return write(`${style.cyan('building')} ${style.bold(event.layer)}`);
        case 'output':
          return write(`${style.dim(`${event.layer} |`)} ${event.line}`);
        case 'layer-finished': {
          const line = finishedLine(event, style);
          return line === undefined ? undefined : write(line);
        }
        case 'note':
          return write(`${style.yellow('note:')} ${event.message}`);
        case 'finished': {
          write(summary(event, style));
          const result = resultText(event);
          return result === undefined ? undefined : writeResult(result);
        }
        default:
          return unreachable(event);
      }
    },
    notBegun() {},
    close() {},
  };
}
