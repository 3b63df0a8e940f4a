// For a terminal: a live line for each running layer at the bottom, finished layers above them.

import { unreachable } from '../../model/failure.ts';
import { createLiveView, type Terminal } from '../terminal/live-view.ts';
import type { Style } from '../terminal/style.ts';
import { plainText } from '../terminal/width.ts';
import {
  checkedLine,
  checkName,
  deployedLine,
  deployName,
  exportedLine,
  exportName,
  finishedLine,
  placeText,
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

export function ttyReporter(terminal: Terminal, writeResult: Write, style: Style): Reporter {
  const live = createLiveView(terminal, style);
  let checking = '';
  return {
    report(event) {
      switch (event.type) {
        case 'plan':
        case 'layer-stage':
          return;
        case 'layer-started':
          return live.begin(event.layer, placeText(event));
        case 'output':
          return live.update(event.layer, event.line);
        case 'layer-step':
          return live.step(event.layer, `${event.index}/${event.count} ${event.title}`);
        case 'layer-size':
          return live.grow(event.layer, event.bytes);
        case 'progress':
          return live.grow(event.layer, event.bytes, event.total);
        case 'transfer': {
          const name = transferName(event);
          if (event.state === 'begun') live.begin(name);
          live.grow(name, event.bytes, event.total);
          return event.state === 'ended' ? live.end(name) : undefined;
        }
        case 'layer-finished':
          return live.end(event.layer, finishedLine(event, style));
        case 'export-started':
          return live.begin(exportName(event));
        case 'export-progress':
          return live.grow(exportName(event), event.bytes, event.total);
        case 'export-finished':
          return live.end(exportName(event), exportedLine(event, style));
        case 'publish-started':
          return live.begin(publishName(event));
        case 'publish-finished':
          return live.end(publishName(event), publishedLine(event, style));
        case 'check-started':
          checking = checkName(event);
          return live.begin(checking);
        case 'check-output':
          return live.update(checking, event.line);
        case 'check-finished':
          return live.end(checkName(event), checkedLine(event, style));
        case 'deploy-started':
          return live.begin(deployName(event));
        case 'deploy-stage':
          return live.update(deployName(event), stageText(event));
        case 'deploy-progress':
          return live.grow(deployName(event), event.bytes, event.total);
        case 'deploy-finished':
          return live.end(deployName(event), deployedLine(event, style));
        case 'note':
          return live.print(`${style.yellow('note:')} ${plainText(event.message)}`);
        case 'watching':
          return live.print(watchingText(event, style));
        case 'finished': {
          live.close();
          live.print(summary(event, style));
          const result = resultText(event);
          return result === undefined ? undefined : writeResult(result);
        }
        default:
          return unreachable(event);
      }
    },
    buildNotStarted() {},
    close: () => live.close(),
  };
}
