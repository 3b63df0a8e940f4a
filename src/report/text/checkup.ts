// A look at this machine as a person reads it: a heading for each purpose, a line for each thing, the cure below it.

import { canBuild, type Finding } from '../../model/ports/checkup.ts';
import type { Style } from '../terminal/style.ts';
import { plainText } from '../terminal/width.ts';

/** All findings, and the sentence that sums them up. */
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
  const colour = state === 'ok' ? style.green : finding.needed ? style.red : style.yellow;
  const line = `  ${colour(state.padEnd(7))}  ${name.padEnd(width)}  ${style.dim(purpose)}`;
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
  if (!canBuild(findings)) return `vlb build cannot run here, for want of: ${names(true)}`;
  return lacking.length === 0 ? 'all is well' : `vlb build can run here; to be had besides: ${names(false)}`;
}
