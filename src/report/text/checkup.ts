// The text of `vlb doctor`: a heading for each purpose, a line for each finding, its fix below it.

import { canBuild, type Finding } from '../../model/ports/checkup.ts';
import type { Style } from '../terminal/style.ts';
import { plainText } from '../terminal/width.ts';

/** All findings, then one line that sums them up. */
export function checkupText(findings: readonly Finding[], style: Style): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines: string[] = [];
  let group = '';
  for (const finding of findings) {
    if (finding.group !== group) lines.push(...(group === '' ? [] : ['']), style.bold(finding.group));
    group = finding.group;
    lines.push(...findingLines(finding, width, style));
  }
  return [...lines, '', summary(findings)].join('\n');
}

function findingLines(finding: Finding, width: number, style: Style): string[] {
  const { name, state, purpose, detail, cure } = finding;
  const color = state === 'ok' ? style.green : finding.needed ? style.red : style.yellow;
  const line = `  ${color(state.padEnd(7))}  ${name.padEnd(width)}  ${style.dim(purpose)}`;
  if (state === 'ok') return [detail === undefined ? line : `${line} (${plainText(detail)})`];
  const indent = ' '.repeat(11);
  return [
    line,
    ...(detail === undefined ? [] : [`${indent}${plainText(detail)}`]),
    ...(cure === undefined ? [] : [`${indent}${style.dim('help:')} ${cure}`]),
  ];
}

function summary(findings: readonly Finding[]): string {
  const lacking = findings.filter(({ state }) => state !== 'ok');
  const names = (needed: boolean) =>
    lacking
      .filter((finding) => finding.needed === needed)
      .map(({ name }) => name)
      .join(', ');
  if (!canBuild(findings)) return `vlb build cannot run on this machine. Missing: ${names(true)}`;
  return lacking.length === 0
    ? 'vlb build can run. Nothing is missing.'
    : `vlb build can run. Optional, not available: ${names(false)}`;
}
