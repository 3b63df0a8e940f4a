// The texts of the commands that inspect and clean the store.

import type { Result } from '../../model/failure.ts';
import type {
  Amount,
  BadEntry,
  CacheEntry,
  CacheLimits,
  CacheUsage,
  Cleared,
  Collected,
  Verified,
} from '../../model/ports/store-upkeep.ts';
import { shownPath } from '../../util/shown-path.ts';
import { tableLines } from '../../util/table.ts';
import { formatBytes } from '../../util/units.ts';
import type { Style } from '../terminal/style.ts';
import { plainText } from '../terminal/width.ts';

/** The notes of a build about a store that was over its limits. */
export function evictionNotes(evicted: Result<Collected>, limits: CacheLimits): string[] {
  if (!evicted.ok) return [`the cache could not be kept within its limits: ${evicted.failure.message}`];
  const { removed, freed, kept } = evicted.value;
  const notes: string[] = [];
  if (removed.length > 0) {
    notes.push(
      `evicted ${entries(removed.length)}, ${formatBytes(freed.bytes)}, from the cache, which is limited to ${limitsText(limits)} (cache: in vlb.yaml)`,
    );
  }
  if (limits.maxBytes !== undefined && kept.bytes > limits.maxBytes) {
    notes.push(
      `the cache holds ${formatBytes(kept.bytes)}, more than its limit of ${formatBytes(limits.maxBytes)}: all of it is in use (cache: max-size in vlb.yaml)`,
    );
  }
  return notes;
}

/** `50 GiB and 90 days without use` */
export function limitsText({ maxBytes, maxAge }: CacheLimits): string {
  const parts = [
    ...(maxBytes === undefined ? [] : [formatBytes(maxBytes)]),
    ...(maxAge === undefined ? [] : [`${days(maxAge)} without use`]),
  ];
  return parts.length === 0 ? 'nothing' : parts.join(' and ');
}

/** `vlb store du`: a line for each sort of entry, then the limits and the projects. */
export function usageText(usage: CacheUsage, limits: CacheLimits): string {
  return [
    `${shortPath(usage.directory)}:`,
    ...amountLines(
      {
        artifacts: usage.artifacts,
        '  not recorded': usage.unrecorded,
        'records, logs': usage.records,
        drafts: usage.drafts,
        damaged: usage.damaged,
        'cache points': usage.points,
        'cache-dirs': usage.caches,
        total: { bytes: usage.total.bytes },
      },
      15,
    ),
    `limited to ${limitsText(limits)}`,
    ...usage.projects.map((project) => `used by ${shortPath(project)}`),
  ].join('\n');
}

/** A line for each amount, by its name in a column of this width. */
export function amountLines(
  amounts: Readonly<Record<string, Partial<Amount>>>,
  width: number,
): readonly string[] {
  return Object.entries(amounts).map(
    ([name, { count, bytes = 0 }]) =>
      `${name.padEnd(width)}${String(count ?? '').padStart(7)}${formatBytes(bytes).padStart(11)}`,
  );
}

/** `vlb store ls`: a table. */
export function entriesText(list: readonly CacheEntry[], style: Style): string {
  const rows = list.map((entry) => [
    ...entryCells(entry),
    time(entry.created),
    time(entry.lastUsed),
    entry.inPlace ? 'in place' : '',
  ]);
  return entryTable([['LAYER', 'DIGEST', 'SIZE', 'CREATED', 'LAST USED', ''], ...rows], style);
}

/** A table of entries: its first row is the head, its third column has sizes. */
export function entryTable(rows: readonly (readonly string[])[], style: Style): string {
  const [head = '', ...lines] = tableLines(rows, [2]);
  return [style.dim(head), ...lines].join('\n');
}

/** `vlb store gc`: a line for each removed entry, then the totals. */
export function collectedText({ removed, points, freed, kept, inUse }: Collected, dryRun: boolean): string {
  const verb = dryRun ? 'would remove' : 'removed';
  const rows = removed.map((entry) => [
    ...entryCells(entry, `${verb} `),
    `last used ${time(entry.lastUsed)}`,
  ]);
  const noun = points.count === 1 ? 'cache point' : 'cache points';
  return [
    ...(points.count === 0 ? [] : [`${verb} ${points.count} ${noun}, ${formatBytes(points.bytes)}`]),
    ...tableLines(rows, [2]),
    `${totalsText(freed, kept, dryRun)} (in use: ${inUse.count}, ${formatBytes(inUse.bytes)})`,
  ].join('\n');
}

/** `vlb store clear`. */
export function clearedText({ freed, kept, links, others }: Cleared): string {
  return [
    `freed ${formatBytes(freed.bytes)}`,
    ...(links > 0 ? [`removed ${links} links from build/`] : []),
    ...(kept.count > 0
      ? [`${entries(kept.count)}, ${formatBytes(kept.bytes)}, stay: a running build uses them`]
      : []),
    ...others.map(
      (project) =>
        `note: build/ of ${shortPath(project)} has broken links now; its next build recreates them`,
    ),
  ].join('\n');
}

/** One line for an entry that `vlb store verify` found bad. */
export function badText({ layer, file, what, movedTo }: BadEntry): string {
  const moved =
    movedTo === undefined ? 'not moved: a running build uses it' : `moved to ${shortPath(movedTo)}`;
  return `bad: ${layer === undefined ? '' : `${plainText(layer)}: `}${shortPath(file)} ${plainText(what)}; ${moved}`;
}

/** The closing line of `vlb store verify`. */
export function verifiedText({ artifacts, bad }: Verified): string {
  const checked = `checked ${artifacts.count} artifacts, ${formatBytes(artifacts.bytes)}`;
  return bad.length === 0
    ? `${checked}: all good`
    : `${checked}: ${bad.length} bad; the next build rebuilds what it needs`;
}

/** The first cells of an entry: its layer, digest and size. */
export function entryCells(
  { layer, keeping, digest, bytes }: Pick<CacheEntry, 'layer' | 'digest' | 'bytes'> & Partial<CacheEntry>,
  verb = '',
): readonly string[] {
  const name = layer ?? (keeping === 'uncached' ? '(uncached)' : '(no record)');
  return [`${verb}${plainText(name)}`, digest.slice(0, 12), formatBytes(bytes)];
}

/** `freed 1.2 GiB; 3 entries, 4.0 GiB, stay` */
export function totalsText(freed: Amount, kept: Amount, dryRun: boolean): string {
  const stay = kept.count === 1 ? 'stays' : 'stay';
  return `${dryRun ? 'would free' : 'freed'} ${formatBytes(freed.bytes)}; ${entries(kept.count)}, ${formatBytes(kept.bytes)}, ${stay}`;
}

/** `3 entries` */
function entries(count: number): string {
  return count === 1 ? '1 entry' : `${count} entries`;
}

function days(seconds: number): string {
  const count = Math.round((seconds / 86_400) * 10) / 10;
  return count === 1 ? '1 day' : `${count} days`;
}

/** Relative to the working directory where the file is below it. */
function shortPath(file: string): string {
  return file === process.cwd() ? 'this project' : plainText(shownPath(file));
}

/** `2026-11-21 06:42`, local time. */
export function time(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '?';
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
