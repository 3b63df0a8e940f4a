// What all reporters share: they take events and print them, and know of nothing else.

import type { BuildEvent, Finished, LayerFinished } from '../model/event.ts';
import { failureText } from './failure-text.ts';
import type { Style } from './style.ts';
import { formatBytes, formatSeconds } from './units.ts';

export interface Reporter {
  report(event: BuildEvent): void;
  /** Takes down whatever is live on the terminal. */
  close(): void;
}

/** Where text goes: one call, whole lines. */
export type Write = (text: string) => void;

/** The line that says how a layer ended; undefined where there is nothing to say. */
export function finishedLine(event: LayerFinished, style: Style): string | undefined {
  const name = style.bold(event.layer);
  const size = event.bytes === undefined ? '' : `, ${formatBytes(event.bytes)}`;
  switch (event.outcome) {
    case 'fresh':
      return undefined;
    case 'restored':
      return `${style.cyan('restored')} ${name}${style.dim(size.replace(', ', '  '))}`;
    case 'built':
      return `${style.green('built')}    ${name}  ${style.dim(`${formatSeconds(event.seconds)}${size}`)}`;
    case 'failed':
      return `${style.red('failed')}   ${name}  ${style.dim(formatSeconds(event.seconds))}`;
    case 'skipped':
      return `${style.yellow('skipped')}  ${name}`;
  }
}

/** The closing summary: the failure if there was one, the counts, and where the image is. */
export function summary(event: Finished, style: Style): string {
  const lines: string[] = [];
  if (event.failure) lines.push(failureText(event.failure, style));
  const { built, restored, fresh, failed, skipped } = event.counts;
  const counts = [
    `${built} built`,
    `${restored} restored`,
    `${fresh} fresh`,
    ...(failed > 0 ? [style.red(`${failed} failed`)] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  lines.push(`${counts.join(', ')} in ${formatSeconds(event.seconds)}`);
  if (event.image !== undefined) {
    const size = event.bytes === undefined ? '' : `  ${style.dim(formatBytes(event.bytes))}`;
    lines.push(`image: ${style.bold(event.image)}${size}`);
  }
  return lines.join('\n');
}
