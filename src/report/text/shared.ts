// The texts of the commands that inspect, clean, fill and fetch from the shared cache.

import type {
  SharedClaim,
  SharedCollected,
  SharedEntry,
  SharedUsage,
} from '../../model/ports/shared-upkeep.ts';
import type { PulledLayer, PushedLayer, Transferred } from '../../model/shared-transfer.ts';
import { tableLines } from '../../util/table.ts';
import { formatBytes, formatSeconds } from '../../util/units.ts';
import { trafficText } from '../reporters/reporter.ts';
import type { Style } from '../terminal/style.ts';
import { plainText } from '../terminal/width.ts';
import { amountLines, entryCells, entryTable, time, totalsText } from './cache.ts';

/** `vlb store du --remote`: a line for each sort of entry, then one for each scope. */
export function sharedUsageText({
  place,
  artifacts,
  unrecorded,
  records,
  total,
  scopes,
}: SharedUsage): string {
  const amounts = {
    artifacts,
    '  not recorded': unrecorded,
    records,
    total: { bytes: total.bytes },
    ...Object.fromEntries(scopes.map(({ scope, ...amount }) => [`in ${scope}`, amount])),
  };
  const width = Math.max(...Object.keys(amounts).map((name) => name.length)) + 1;
  return [`${place}:`, ...amountLines(amounts, width)].join('\n');
}

/** `vlb store ls --remote --claims`: a table. Its words come from other machines. */
export function sharedClaimsText(list: readonly SharedClaim[], style: Style): string {
  const rows = list.map(({ layer, host, pid, since, usually, isVoid, scope }) => [
    plainText(layer),
    `${plainText(host)} (${pid})`,
    isVoid ? 'gone' : formatSeconds(since),
    usually === undefined ? '' : formatSeconds(usually),
    scope,
  ]);
  return entryTable([['LAYER', 'HOST', 'SINCE', 'USUALLY', 'SCOPE'], ...rows], style);
}

/** `vlb store ls --remote`: a table. */
export function sharedEntriesText(list: readonly SharedEntry[], style: Style): string {
  const rows = list.map((entry) => [
    ...entryCells(entry),
    time(entry.created),
    time(entry.pushed),
    entry.scope,
  ]);
  return entryTable([['LAYER', 'DIGEST', 'SIZE', 'CREATED', 'PUSHED', 'SCOPE'], ...rows], style);
}

/** `vlb store gc --remote`: a line for each removed entry, then the totals. */
export function sharedCollectedText(
  { removed, lost, freed, kept }: SharedCollected,
  dryRun: boolean,
): string {
  const verb = dryRun ? 'would remove' : 'removed';
  const rows = removed.map((entry) => [
    ...entryCells(entry, `${verb} `),
    `pushed ${time(entry.pushed)}`,
    entry.scope,
  ]);
  const records = lost.map((name) => `${verb} ${name}, a record without an artifact, or damaged`);
  return [...tableLines(rows, [2]), ...records, totalsText(freed, kept, dryRun)].join('\n');
}

/** `vlb store push`: a line for each layer, then the totals. */
export function pushedText({ layers, shared }: Transferred<PushedLayer>): string {
  const texts = {
    pushed: ['pushed', ''],
    there: ['present', ''],
    other: ['skipped', 'the shared cache has another build of it or its parent'],
    private: ['skipped', 'it or its parent is not shared'],
    'not built': ['skipped', 'it is not built on this machine'],
    failed: ['failed', ''],
  } as const;
  // `shared.pushed` counts transfers: none where only the record was missing.
  const count = layers.filter(({ state }) => state === 'pushed').length;
  const sums = [
    count > 0 ? `pushed ${trafficText({ ...NOTHING, ...shared?.pushed, count })}` : 'nothing was pushed',
    ...countText(layers, 'there', 'already present'),
    ...countText(layers, 'not built', 'not built'),
    ...countText(layers, 'other', 'present in another build'),
    ...countText(layers, 'private', 'not shared'),
    ...countText(layers, 'failed', 'failed'),
  ];
  return [...layerLines(layers, (layer) => texts[layer.state]), sums.join('; ')].join('\n');
}

/** `vlb store pull`: a line for each layer, then the totals. */
export function pulledText({ layers, shared }: Transferred<PulledLayer>): string {
  const words = { fetched: 'fetched', here: 'present', 'not built': 'to build', failed: 'failed' } as const;
  const sums = [
    shared
      ? `fetched ${trafficText(shared.fetched)}, which took ${formatSeconds(shared.savedSeconds)} to build`
      : 'nothing was fetched',
    ...countText(layers, 'here', 'already present'),
    ...countText(layers, 'not built', 'to be built'),
    ...countText(layers, 'failed', 'failed'),
  ];
  const lines = layerLines(layers, ({ state, reason = '' }) => [words[state], reason]);
  return [...lines, sums.join('; ')].join('\n');
}

const NOTHING = { bytes: 0, seconds: 0 };

interface TransferredLayer {
  readonly layer: string;
  readonly state: string;
  readonly bytes?: number;
}

/** @param textOf the word in front of a layer, and the remark after it */
function layerLines<T extends TransferredLayer>(
  layers: readonly T[],
  textOf: (layer: T) => readonly [string, string],
): string[] {
  const rows = layers.map((one) => {
    const [word, remark] = textOf(one);
    return [word, one.layer, one.bytes === undefined ? '' : formatBytes(one.bytes), remark];
  });
  return tableLines(rows, [2]);
}

function countText(layers: readonly TransferredLayer[], state: string, text: string): string[] {
  const count = layers.filter((one) => one.state === state).length;
  return count > 0 ? [`${count} ${text}`] : [];
}
