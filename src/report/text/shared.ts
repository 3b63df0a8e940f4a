// What the shared cache's keeping, and what came and went, tell people.

import type { SharedCollected, SharedEntry, SharedUsage } from '../../model/ports/shared-upkeep.ts';
import type { PulledLayer, PushedLayer, Transferred } from '../../model/shared-transfer.ts';
import { formatBytes, formatSeconds } from '../../util/units.ts';
import { trafficText } from '../reporters/reporter.ts';
import type { Style } from '../terminal/style.ts';
import { plainText } from '../terminal/width.ts';
import { entries, tableText, time } from './cache.ts';

/** `vlb cache du --remote`: a line a sort of thing, then one a scope. */
export function sharedUsageText({
  place,
  artifacts,
  unrecorded,
  records,
  total,
  scopes,
}: SharedUsage): string {
  const rows: [string, number | undefined, number][] = [
    ['artifacts', artifacts.count, artifacts.bytes],
    ['  not recorded', unrecorded.count, unrecorded.bytes],
    ['records', records.count, records.bytes],
    ['total', undefined, total.bytes],
    ...scopes.map(({ scope, count, bytes }): [string, number, number] => [`in ${scope}`, count, bytes]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(
    ([name, count, bytes]) =>
      `${name.padEnd(width)}${String(count ?? '').padStart(8)}${formatBytes(bytes).padStart(11)}`,
  );
  return [`${place}:`, ...lines].join('\n');
}

/** `vlb cache ls --remote`: a table with a head. */
export function sharedEntriesText(list: readonly SharedEntry[], style: Style): string {
  const rows = list.map((entry) => [
    nameOf(entry),
    entry.digest.slice(0, 12),
    formatBytes(entry.bytes),
    time(entry.created),
    time(entry.pushed),
    entry.scope,
  ]);
  return tableText([['LAYER', 'DIGEST', 'SIZE', 'CREATED', 'PUSHED', 'SCOPE'], ...rows], style);
}

/** `vlb cache gc --remote`: a line for each entry that goes, then the sums. */
export function sharedCollectedText(
  { removed, lost, freed, kept }: SharedCollected,
  dryRun: boolean,
): string {
  const verb = dryRun ? 'would remove' : 'removed';
  const width = Math.max(0, ...removed.map((entry) => nameOf(entry).length));
  const lines = removed.map(
    (entry) =>
      `${verb} ${nameOf(entry).padEnd(width)}  ${entry.digest.slice(0, 12)}  ${formatBytes(entry.bytes).padStart(8)}  pushed ${time(entry.pushed)}  ${entry.scope}`,
  );
  const records = lost.map((name) => `${verb} ${name}, a record without an artifact, or damaged`);
  const rest = `${entries(kept.count)}, ${formatBytes(kept.bytes)}, ${kept.count === 1 ? 'stays' : 'stay'}`;
  return [
    ...lines,
    ...records,
    `${dryRun ? 'would free' : 'freed'} ${formatBytes(freed.bytes)}; ${rest}`,
  ].join('\n');
}

function nameOf({ layer }: SharedEntry): string {
  return layer === undefined ? '(no record)' : plainText(layer);
}

/** `vlb cache push`: a line for each layer, then the sums. */
export function pushedText({ layers, shared }: Transferred<PushedLayer>): string {
  const told = {
    pushed: ['pushed', ''],
    there: ['there', ''],
    other: ['left', 'another build of it, or of what it stands on, is there'],
    private: ['left', 'it, or what it stands on, is not to be shared'],
    'not built': ['left', 'it is not built here'],
    failed: ['failed', ''],
  } as const;
  // Where the artifact was there, its record alone went.
  const count = layers.filter(({ state }) => state === 'pushed').length;
  const sums = [
    count > 0 ? `pushed ${trafficText({ ...NOTHING, ...shared?.pushed, count })}` : 'nothing was pushed',
    ...countText(layers, 'there', 'there already'),
    ...countText(layers, 'not built', 'not built here'),
    ...countText(layers, 'other', 'there in another build'),
    ...countText(layers, 'private', 'not to be shared'),
    ...countText(layers, 'failed', 'failed'),
  ];
  return [...layerLines(layers, (layer) => told[layer.state]), sums.join('; ')].join('\n');
}

/** `vlb cache pull`: the same. */
export function pulledText({ layers, shared }: Transferred<PulledLayer>): string {
  const told = { fetched: 'fetched', here: 'here', 'not built': 'to build', failed: 'failed' } as const;
  const sums = [
    shared
      ? `fetched ${trafficText(shared.fetched)}, which took ${formatSeconds(shared.savedSeconds)} to build`
      : 'nothing was fetched',
    ...countText(layers, 'here', 'here already'),
    ...countText(layers, 'not built', 'to be built'),
    ...countText(layers, 'failed', 'failed'),
  ];
  const lines = layerLines(layers, ({ state, reason = '' }) => [told[state], reason]);
  return [...lines, sums.join('; ')].join('\n');
}

const NOTHING = { bytes: 0, seconds: 0 };

interface TransferredLayer {
  readonly layer: string;
  readonly state: string;
  readonly bytes?: number;
}

/** @param tell the word in front of a layer, and what else there is to say of it */
function layerLines<T extends TransferredLayer>(
  layers: readonly T[],
  tell: (layer: T) => readonly [string, string],
): string[] {
  const rows = layers.map((one) => [...tell(one), one] as const);
  const word = Math.max(0, ...rows.map(([first]) => first.length));
  const name = Math.max(0, ...layers.map(({ layer }) => layer.length));
  return rows.map(([first, more, { layer, bytes }]) =>
    `${first.padEnd(word)}  ${layer.padEnd(name)}  ${(bytes === undefined ? '' : formatBytes(bytes)).padStart(8)}  ${more}`.trimEnd(),
  );
}

function countText(layers: readonly TransferredLayer[], state: string, text: string): string[] {
  const count = layers.filter((one) => one.state === state).length;
  return count > 0 ? [`${count} ${text}`] : [];
}
