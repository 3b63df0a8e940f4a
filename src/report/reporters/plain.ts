// Prints prefixed lines, for logs, pipes and CI.

import { unreachable } from '../../model/failure.ts';
import { formatBytes } from '../../util/units.ts';
import type { Style } from '../terminal/style.ts';
import { plainLine, plainText } from '../terminal/width.ts';
import {
  checkedLine,
  checkName,
  deployedLine,
  deployName,
  exportedLine,
  exportName,
  finishedLine,
  placeText,
  progressText,
  publishedLine,
  publishName,
  type Reporter,
  resultText,
  stageText,
  summary,
  transferName,
  type Write,
  watchingText,
} from './reporter.ts';

/** The least time between two lines about a download. */
const PROGRESS_MILLISECONDS = 10_000;

/** Prints each line of a script's output after the name of its layer. */
export function plainReporter(write: Write, writeResult: Write, style: Style): Reporter {
  let progressAt = performance.now();
  return {
    report(event) {
      switch (event.type) {
        case 'plan':
        case 'layer-stage':
        case 'layer-size':
        // Its heading is part of the output.
        case 'layer-step':
          return;
        case 'layer-started':
          return write(`${style.cyan('building')} ${style.bold(event.layer)}${placeText(event)}`);
        case 'output':
          return write(`${style.dim(`${event.layer} |`)} ${plainLine(event.line)}`);
        case 'progress':
          if (performance.now() - progressAt < PROGRESS_MILLISECONDS) return;
          progressAt = performance.now();
          return write(`${style.dim(`${event.layer} |`)} ${progressText(event)}`);
        case 'transfer':
          if (event.state !== 'begun') return;
          return write(`${style.cyan(transferName(event))}  ${style.dim(formatBytes(event.total))}`);
        case 'layer-finished': {
          const line = finishedLine(event, style);
          return line === undefined ? undefined : write(line);
        }
        case 'export-started':
          return write(`${style.cyan('exporting')} ${style.bold(exportName(event))}`);
        case 'export-progress':
          if (performance.now() - progressAt < PROGRESS_MILLISECONDS) return;
          progressAt = performance.now();
          return write(`${style.dim(`${exportName(event)} |`)} ${progressText(event)}`);
        case 'export-finished': {
          const line = exportedLine(event, style);
          return line === undefined ? undefined : write(line);
        }
        case 'publish-started':
          return write(`${style.cyan('publishing')} ${style.bold(publishName(event))}`);
        case 'publish-finished': {
          const line = publishedLine(event, style);
          return line === undefined ? undefined : write(line);
        }
        case 'check-started':
          return write(`${style.cyan('checking')} ${style.bold(checkName(event))}`);
        case 'check-output':
          return write(`${style.dim(`${event.image} |`)} ${plainLine(event.line)}`);
        case 'check-finished':
          return write(checkedLine(event, style));
        case 'deploy-started':
          return write(`${style.cyan('deploying')} ${style.bold(deployName(event))}`);
        case 'deploy-stage':
          progressAt = performance.now();
          return write(`${style.dim(`${deployName(event)} |`)} ${stageText(event)}`);
        case 'deploy-progress':
          if (performance.now() - progressAt < PROGRESS_MILLISECONDS) return;
          progressAt = performance.now();
          return write(`${style.dim(`${deployName(event)} |`)} ${progressText(event)}`);
        case 'deploy-finished':
          return write(deployedLine(event, style));
        case 'note':
          return write(`${style.yellow('note:')} ${plainText(event.message)}`);
        case 'watching':
          return write(watchingText(event, style));
        case 'finished': {
          write(summary(event, style));
          const result = resultText(event);
          return result === undefined ? undefined : writeResult(result);
        }
        default:
          return unreachable(event);
      }
    },
    buildNotStarted() {},
    close() {},
  };
}
