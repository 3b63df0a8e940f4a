// The interface of reporters, which print build events, and the texts that several of them print.

import type {
  BuildEvent,
  CheckFinished,
  DeployEntered,
  DeployFinished,
  ExportFinished,
  Finished,
  LayerFinished,
  LayerStarted,
  Progress,
  PublishedImage,
  PublishFinished,
  Transfer,
  Watching,
} from '../../model/event.ts';
import type { Failure } from '../../model/failure.ts';
import type { SharedTally, Traffic } from '../../model/ports/shared-cache.ts';
import { formatBytes, formatSeconds } from '../../util/units.ts';
import type { Style } from '../terminal/style.ts';
import { plainText } from '../terminal/width.ts';
import { failureText } from '../text/failure.ts';

export interface Reporter {
  report(event: BuildEvent): void;
  /** The build failed before its first event. The caller prints the failure to stderr; this is for reporters with a format of their own. */
  buildNotStarted(failure: Failure): void;
  /** Removes the live lines from the terminal. */
  close(): void;
}

/** Prints whole lines. */
export type Write = (text: string) => void;

/** `12 MiB of 300 MiB`, or only the first part where the total is not known. */
export function progressText({ bytes, total }: Pick<Progress, 'bytes' | 'total'>): string {
  return total === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(total)}`;
}

/** The line about a finished layer; undefined for a fresh one. */
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

/** `web as qcow2` */
export function exportName({
  machine,
  format,
}: {
  readonly machine: string;
  readonly format: string;
}): string {
  return `${machine} as ${format}`;
}

/** The line about a finished export; undefined for a fresh one. */
export function exportedLine(event: ExportFinished, style: Style): string | undefined {
  if (event.outcome === 'fresh') return undefined;
  const word = event.outcome === 'written' ? style.green('exported') : style.red('failed  ');
  return `${word} ${style.bold(exportName(event))}  ${style.dim(formatSeconds(event.seconds))}`;
}

/** The line about what was published; undefined when it was there already. */
export function publishedLine(event: PublishFinished, style: Style): string | undefined {
  if (event.outcome === 'fresh') return undefined;
  const word = event.outcome === 'written' ? style.green('published') : style.red('failed   ');
  return `${word} ${style.bold(publishName(event))}  ${style.dim(formatSeconds(event.seconds))}`;
}

/** `web to /srv/templates` */
export function publishName({ machine, to }: Pick<PublishedImage, 'machine' | 'to'>): string {
  return `${machine} to ${to}`;
}

/** `web: systemctl is-active nginx` */
export function checkName({ image, check }: { readonly image: string; readonly check: string }): string {
  return `${image}: ${plainText(check)}`;
}

/** The line about a check that ended. */
export function checkedLine(event: CheckFinished, style: Style): string {
  const word = event.outcome === 'passed' ? style.green('passed  ') : style.red('failed  ');
  return `${word} ${style.bold(checkName(event))}  ${style.dim(formatSeconds(event.seconds))}`;
}

/** `web to libvirt` */
export function deployName({ machine, target }: Pick<DeployFinished, 'machine' | 'target'>): string {
  return `${machine} to ${target}`;
}

const STAGES: Readonly<Record<DeployEntered['stage'], string>> = {
  write: 'writing the system disk',
  compare: 'reading it back',
  define: 'defining the domain',
  copy: 'copying the disks',
  'shut down': 'shutting down the guest',
  switch: 'changing the system disk',
  start: 'starting the guest',
  check: 'checking the guest',
  'go back': 'going back to the earlier system disk',
  settle: 'finishing',
};

/** `shutting down the guest` */
export function stageText({ stage }: Pick<DeployEntered, 'stage'>): string {
  return STAGES[stage];
}

/** The line about a finished deployment. */
export function deployedLine(event: DeployFinished, style: Style): string {
  const { outcome, failure, seconds } = event;
  const paint = failure ? style.red : outcome === 'fresh' ? style.cyan : style.green;
  const what = outcome === 'fresh' ? 'running the same disk already' : formatSeconds(seconds);
  return `${paint(outcome.padEnd(8))} ${style.bold(deployName(event))}  ${style.dim(what)}`;
}

/** The failures in full, then the counts. The images are in `resultText`. */
export function summary(event: Finished, style: Style): string {
  const lines = [...failureLines(event, style)];
  if (event.superseded) {
    lines.push(`${style.yellow('changed during the build')}, planned again: ${event.superseded.join(', ')}`);
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

/** The traffic with the shared cache, and the build time that it saved. */
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

/** Each failed layer with those skipped because of it; where no layer failed, the failure of the build. */
export function failureLines({ failure, failures }: Finished, style: Style): readonly string[] {
  if (failures.length === 0) return failure ? [failureText(failure, style)] : [];
  return failures.flatMap(({ failure: own, skipped }) => [
    failureText(own, style),
    ...(skipped.length > 0 ? [`  ${style.dim('skipped:')} ${skipped.join(', ')}`] : []),
  ]);
}

/** What `vlb watch` watches, or what changed, with the time of day. */
export function watchingText(event: Watching, style: Style): string {
  const time = style.dim(new Date(event.at).toTimeString().slice(0, 8));
  if (event.state === 'changed') return `${time} changed: ${event.layers.join(', ')}`;
  const keys = event.keys ? style.dim('; r builds now, q quits') : '';
  return `${time} watching ${event.places.join(', ')}${failedText(event.failed)}${keys}`;
}

function failedText(failed: readonly string[]): string {
  if (failed.length === 0) return '';
  const retried = failed.length === 1 ? 'it is retried when its' : 'they are retried when their';
  return ` (${failed.join(', ')} failed; ${retried} inputs change)`;
}

function publishedText({ to, revision, digest }: PublishedImage): string {
  if (digest !== undefined) return `published: ${to}  ${digest}`;
  return `published: ${to}${revision === undefined ? '' : `  revision ${revision}`}`;
}

/** One line for each image, or each export; undefined without any. */
export function resultText(event: Finished): string | undefined {
  if (event.exports) {
    const lines = event.exports.map(({ directory, bytes }) => `export: ${directory}  ${formatBytes(bytes)}`);
    return [...lines, ...(event.published ? [publishedText(event.published)] : [])].join('\n');
  }
  const main = event.image === undefined ? [] : [{ file: event.image, bytes: event.bytes }];
  const images = [...(event.images ?? []), ...main];
  if (images.length === 0) return undefined;
  return images
    .map(({ file, bytes }) => {
      const size = bytes === undefined ? '' : `  ${formatBytes(bytes)}`;
      return `image: ${file}${size}`;
    })
    .join('\n');
}

/** ` on node3`; empty for a layer that runs here. */
export function placeText({ node }: LayerStarted): string {
  return node === undefined ? '' : ` on ${plainText(node)}`;
}
