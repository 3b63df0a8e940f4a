// What all reporters share: they take events and print them, and know of nothing else.

import type { BuildEvent, Finished, LayerFinished, Progress, Transfer, Watching } from '../../model/event.ts';
import type { Failure } from '../../model/failure.ts';
import type { SharedTally, Traffic } from '../../model/ports/shared-cache.ts';
import { formatBytes, formatSeconds } from '../../util/units.ts';
import type { Style } from '../terminal/style.ts';
import { failureText } from '../text/failure.ts';

export interface Reporter {
  report(event: BuildEvent): void;
  /** The build could not begin. People are told by whoever called it, on stderr. */
  notBegun(failure: Failure): void;
  /** Takes down whatever is live on the terminal. */
  close(): void;
}

/** Where text goes: one call, whole lines. */
export type Write = (text: string) => void;

/** `12 MiB of 300 MiB`, or only the first where the rest is not known. */
export function progressText({ bytes, total }: Progress): string {
  return total === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(total)}`;
}

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

/** The failures, in full; then the counts. What the result is, `resultText` says. */
export function summary(event: Finished, style: Style): string {
  const lines = [...failureLines(event, style)];
  if (event.superseded) {
    lines.push(`${style.yellow('changed meanwhile')}, to be planned again: ${event.superseded.join(', ')}`);
    return lines.join('\n');
  }
  const { built, restored, fresh, failed, skipped } = event.counts;
  const counts = [
    `${built} built`,
    `${restored} restored`,
    `${fresh} fresh`,
    ...(failed > 0 ? [style.red(`${failed} failed`)] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  lines.push(`${counts.join(', ')} in ${formatSeconds(event.seconds)}`);
  if (event.shared) lines.push(sharedText(event.shared));
  return lines.join('\n');
}

/** What came from the shared cache, what that saved, and what went there. */
function sharedText({ fetched, pushed, savedSeconds }: SharedTally): string {
  const parts = [
    ...(fetched.count > 0
      ? [`fetched ${trafficText(fetched)}, which took ${formatSeconds(savedSeconds)} to build`]
      : []),
    ...(pushed.count > 0 ? [`pushed ${trafficText(pushed)}`] : []),
  ];
  return `shared cache: ${parts.join('; ')}`;
}

/** `2 layers, 1.2 MiB in 0.30 s` */
export function trafficText({ count, bytes, seconds }: Traffic): string {
  const layers = `${count} ${count === 1 ? 'layer' : 'layers'}`;
  return `${layers}, ${formatBytes(bytes)} in ${formatSeconds(seconds)}`;
}

/** `fetching 20_app`, `pushing 20_app` */
export function transferName({ direction, layer }: Transfer): string {
  return `${direction === 'fetch' ? 'fetching' : 'pushing'} ${layer}`;
}

/** Each layer that failed, with what was left out because of it; without one, what kept the build from its end. */
export function failureLines({ failure, failures }: Finished, style: Style): readonly string[] {
  if (failures.length === 0) return failure ? [failureText(failure, style)] : [];
  return failures.flatMap(({ failure: own, skipped }) => [
    failureText(own, style),
    ...(skipped.length > 0 ? [`  ${style.dim('skipped:')} ${skipped.join(', ')}`] : []),
  ]);
}

/** What `vlb watch` waits for, or what came, with the time of day. */
export function watchingText(event: Watching, style: Style): string {
  const time = style.dim(new Date(event.at).toTimeString().slice(0, 8));
  if (event.state === 'changed') return `${time} changed: ${event.layers.join(', ')}`;
  const failed = event.failed.length > 0 ? `; ${event.failed.join(', ')} failed and waits for that` : '';
  const keys = event.keys ? style.dim(' (r builds now, q quits)') : '';
  return `${time} waiting for changes in ${event.places.join(', ')}${failed}${keys}`;
}

/** Where the images are, a line each; undefined when there is none. */
export function resultText(event: Finished): string | undefined {
  if (event.image === undefined) return undefined;
  const main = { file: event.image, bytes: event.bytes };
  return [...(event.images ?? []), main]
    .map(({ file, bytes }) => {
      const size = bytes === undefined ? '' : `  ${formatBytes(bytes)}`;
      return `image: ${file}${size}`;
    })
    .join('\n');
}
