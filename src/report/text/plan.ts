// Plans and explanations as a person reads them.

import type { BuildRecord } from '../../model/artifact.ts';
import type { Change, Plan, PlanStep } from '../../model/plan.ts';
import { formatAge, formatDuration } from '../../util/units.ts';
import type { Style } from '../terminal/style.ts';
import { plainText } from '../terminal/width.ts';

/** How many inputs a plan names for a layer; `vlb why` names them all. */
const NAMED = 3;
/** How many digits of a digest or key are shown. */
const SHORT = 12;

/** A line a layer: what will happen, and why. */
export function planText(plan: Plan, style: Style): string {
  const width = Math.max(0, ...plan.map((step) => step.node.name.length));
  return plan
    .map((step) => {
      const why = shortReason(step);
      const name = step.node.name.padEnd(why === '' ? 0 : width);
      return `${coloured(step, style)} ${style.bold(name)}${why === '' ? '' : `  ${style.dim(why)}`}`;
    })
    .join('\n');
}

/** Everything that is known of why a layer would run, or that it would not. */
export function whyText(step: PlanStep, style: Style): string {
  const { node, action } = step;
  const name = style.bold(node.name);
  if (action.type === 'fresh') return `${name} is fresh: nothing changed since its last build`;
  if (action.type === 'restore') return `${name} will be restored: the store has a build of exactly this`;
  const lines = [`${name} has to run: ${REASONS[action.reason]}`];
  for (const change of action.changes) lines.push(`  ${changeText(change)}`);
  return lines.join('\n');
}

/** What is different in a layer from one record of the store. */
export function recordText(
  layer: string,
  record: Pick<BuildRecord, 'key' | 'layer' | 'created'>,
  changes: readonly Change[],
  style: Style,
): string {
  const built = record.created.slice(0, 16).replace('T', ' ');
  const other = `the record ${record.key.slice(0, SHORT)} (${plainText(record.layer)}, built ${plainText(built)} UTC)`;
  if (changes.length === 0) return `${style.bold(layer)} is the same as ${other}`;
  return [
    `${style.bold(layer)} differs from ${other}:`,
    ...changes.map((change) => `  ${changeText(change)}`),
  ].join('\n');
}

const REASONS = {
  'no record': 'it was never built here, and the store knows no build of exactly this',
  'input changed': 'its inputs changed since its last build',
  'settings changed': 'its settings changed since its last build',
  'parent changed': 'what it stands on is another one, or will be',
  'artifact lost': 'nothing changed, but its artifact is gone from the store',
  expired: 'its result is older than its max-age',
  forced: '--force or --no-cache says so',
  nocache: 'it is kept out of the store, or stands on what is, and is not in place as it should be',
} as const;

function changeText(change: Change): string {
  switch (change.type) {
    case 'input':
      return `${change.how === 'added' || change.how === 'removed' ? change.how : `changed (${change.how})`}: ${plainText(change.path)}`;
    case 'setting':
      return plainText(`${change.name}: ${change.before} → ${change.after}`);
    case 'age':
      return `built ${formatAge(change.seconds)} (${change.created}); max-age is ${formatDuration(change.maxAge)}`;
    case 'parent':
      return `${change.mount === undefined ? 'parent' : `mount ${plainText(change.mount)}`}: ${shortDigest(change.before)} → ${shortDigest(change.after)}`;
  }
}

/** A digest as people compare it; other words, `none` or `scratch`, are whole. */
function shortDigest(text: string): string {
  return /^[0-9a-f]{64}$/.test(text) ? text.slice(0, SHORT) : text;
}

function shortReason({ action }: PlanStep): string {
  if (action.type !== 'run') return '';
  const paths = action.changes.flatMap((change) => (change.type === 'input' ? [plainText(change.path)] : []));
  if (action.reason !== 'input changed' || paths.length === 0) return action.reason;
  const more = paths.length > NAMED ? ` and ${paths.length - NAMED} more` : '';
  return `input changed: ${paths.slice(0, NAMED).join(', ')}${more}`;
}

function coloured({ action }: PlanStep, style: Style): string {
  switch (action.type) {
    case 'fresh':
      return style.dim('fresh  ');
    case 'restore':
      return style.cyan('restore');
    case 'run':
      return style.green('run    ');
  }
}
