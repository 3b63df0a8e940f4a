// The texts of `vlb plan` and `vlb why`.

import type { BuildRecord } from '../../model/artifact.ts';
import type { Change, FirstStep, Plan, PlanStep } from '../../model/plan.ts';
import { greatest } from '../../util/table.ts';
import { formatAge, formatDuration } from '../../util/units.ts';
import type { Style } from '../terminal/style.ts';
import { plainText } from '../terminal/width.ts';

/** How many inputs of a layer `vlb plan` names; `vlb why` names all. */
const NAMED = 3;
/** How many digits of a digest or key are shown. */
const SHORT = 12;

/** A line for each layer: its action and the reason. */
export function planText(plan: Plan, style: Style): string {
  const width = greatest(plan.map((step) => step.node.name.length));
  return plan
    .map((step) => {
      const why = shortReason(step);
      const name = step.node.name.padEnd(why === '' ? 0 : width);
      return `${colored(step, style)} ${style.bold(name)}${why === '' ? '' : `  ${style.dim(why)}`}`;
    })
    .join('\n');
}

/** The plan of the layers, and below a line for each check and export: whether it would run or be written, and why. */
export function exportPlanText(
  plan: Plan,
  checks: readonly PlannedCheck[],
  exports: readonly {
    readonly machine: string;
    readonly format: string;
    readonly reason: string | undefined;
  }[],
  style: Style,
): string {
  const lines = exports.map(({ machine, format, reason }) => {
    const word = reason === undefined ? style.dim('fresh  ') : style.green('export ');
    const why = reason === undefined ? '' : `  ${style.dim(reason)}`;
    return `${word} ${style.bold(`${machine} as ${format}`)}${why}`;
  });
  return [planText(plan, style), ...checkLines(checks, style), ...lines].join('\n');
}

/** A line for each check of an image: whether it would run, and why. */
export function checkLines(checks: readonly PlannedCheck[], style: Style): readonly string[] {
  return checks.map(({ image, check, reason }) => {
    const word = reason === undefined ? style.dim('passed ') : style.green('check  ');
    const why = reason === undefined ? '' : `  ${style.dim(reason)}`;
    return `${word} ${style.bold(image)}: ${plainText(check.run)}${why}`;
  });
}

interface PlannedCheck {
  readonly image: string;
  readonly check: { readonly run: string };
  /** Undefined when it passed. */
  readonly reason: string | undefined;
}

/** The plan of the layers, and below a line for each step of a deployment. */
export function deployPlanText(plan: Plan, steps: readonly string[], style: Style): string {
  const lines = steps.map((step) => `${style.green('deploy ')} ${step}`);
  const text = lines.length > 0 ? lines : [style.dim('deployed already; --force deploys again')];
  return [...(plan.length > 0 ? [planText(plan, style)] : []), ...text].join('\n');
}

/** Why a layer would run, with all changes, or that it would not. */
export function whyText(step: PlanStep, style: Style): string {
  const { node, action } = step;
  const name = style.bold(node.name);
  if (action.type === 'fresh') return `${name} is fresh: nothing changed since its last build`;
  if (action.type === 'restore') return `${name} will be restored: the store has a build with the same key`;
  const lines = [`${name} has to run: ${REASONS[action.reason]}`];
  for (const change of action.changes) lines.push(`  ${changeText(change)}`);
  if (action.begins) lines.push(`  it begins at ${firstStepText(action.begins)}`);
  return lines.join('\n');
}

/** `step 12/20 (copy conf): conf/a.conf changed` */
function firstStepText({ index, count, title, changed }: FirstStep): string {
  if (index > count) return 'its end: all cache points are there';
  const step = `step ${index}/${count} (${plainText(title)})`;
  if (changed === 'step') return `${step}: the step changed`;
  if (changed.length > 0) return `${step}: ${changed.map(plainText).join(', ')} changed`;
  return index === 1 ? step : `${step}: there is no cache point after it`;
}

/** The differences between a layer and a record of the store. */
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
  'no record': 'it was never built here, and the store has no build with the same key',
  'input changed': 'its inputs changed since its last build',
  'settings changed': 'its settings changed since its last build',
  'parent changed': 'its parent changed or will be rebuilt',
  'artifact lost': 'nothing changed, but its artifact is missing from the store',
  expired: 'its result is older than its max-age',
  forced: '--force or --no-cache was given',
  nocache: 'it is marked nocache (or its parent is), and its result is not in build/',
} as const;

function changeText(change: Change): string {
  switch (change.type) {
    case 'input':
      return `${change.how === 'added' || change.how === 'removed' ? change.how : `changed (${change.how})`}: ${plainText(change.path)}`;
    case 'setting':
      return plainText(`${change.name}: ${change.before} → ${change.after}`);
    case 'step': {
      const { index, before = 'none', after = 'none' } = change;
      return plainText(`step ${index}: ${before} → ${after}`);
    }
    case 'age':
      return `built ${formatAge(change.seconds)} (${change.created}); max-age is ${formatDuration(change.maxAge)}`;
    case 'parent':
      return `${parentText(change)}: ${shortDigest(change.before)} → ${shortDigest(change.after)}`;
  }
}

function parentText({ mount, disk }: { readonly mount?: string; readonly disk?: string }): string {
  if (disk !== undefined) return `disk ${plainText(disk)} of the parent`;
  return mount === undefined ? 'parent' : `mount ${plainText(mount)}`;
}

/** The first digits of a digest; any other word, such as `none` or `scratch`, unchanged. */
function shortDigest(text: string): string {
  return /^[0-9a-f]{64}$/.test(text) ? text.slice(0, SHORT) : text;
}

function shortReason({ action }: PlanStep): string {
  if (action.type !== 'run') return '';
  const { begins } = action;
  const from =
    begins && begins.index > 1 ? `, from step ${Math.min(begins.index, begins.count)}/${begins.count}` : '';
  const paths = action.changes.flatMap((change) => (change.type === 'input' ? [plainText(change.path)] : []));
  if (action.reason !== 'input changed' || paths.length === 0) return `${action.reason}${from}`;
  const more = paths.length > NAMED ? ` and ${paths.length - NAMED} more` : '';
  return `input changed: ${paths.slice(0, NAMED).join(', ')}${more}${from}`;
}

function colored({ action }: PlanStep, style: Style): string {
  switch (action.type) {
    case 'fresh':
      return style.dim('fresh  ');
    case 'restore':
      return style.cyan('restore');
    case 'run':
      return style.green('run    ');
  }
}
