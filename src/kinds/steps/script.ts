// Steps as the build-layer that they amount to, to read or to continue with; and a system as a modify-disk and a build-layer.

import { diskVariable } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Hints, Layer } from '../../model/project.ts';
import type { Installation } from '../../model/system/system.ts';
import { systemScripts } from '../../system/script.ts';
import { quoteWord } from '../../util/quote.ts';
import { formatBytes, parseSize } from '../../util/units.ts';
import { volumeWord } from '../disk.ts';
import { type Compilation, compileStep } from './compile.ts';

/**
 * The build-layer for a system. Fails as a step does that cannot be compiled for it, and as `usage` for one that runs on the host.
 * @param before commands that run before the first step
 */
export function scriptOf(
  layer: Pick<Layer, 'hints' | 'steps'>,
  compilation: Compilation,
  before: readonly string[] = [],
): Result<string> {
  const steps = layer.steps?.all ?? [];
  const parts = [...before];
  for (const [index, step] of steps.entries()) {
    if (step.hostTool !== undefined) {
      return fail('usage', `${step.verb} runs on the host, which no build-layer can`, { where: step.where });
    }
    const compiled = compileStep(step, compilation);
    if (!compiled.ok) return compiled;
    const title = `# ${index + 1}/${steps.length} ${step.title}`;
    if (compiled.value === undefined) {
      parts.push(`${title}: not for this system\n`);
      continue;
    }
    const own = Object.entries(step.params).filter(
      ([name]) => !layer.hints.params.some((param) => param.name === name),
    );
    const variables = own.map(([name, value]) => `export ${name}=${quoteWord(value)}\n`);
    // In a subshell: it may leave the directory, set variables, and exit.
    parts.push(`${title}\n(\n${variables.join('')}${compiled.value.replace(/\n?$/, '\n')})\n`);
  }
  return ok(`#!/bin/sh\n${hintLines(layer.hints).join('')}set -eu\n\n${parts.join('\n')}`);
}

/** The two scripts that a layer with a system amounts to, one after the other, each under a heading. */
export function systemScriptOf(
  layer: Pick<Layer, 'name' | 'hints' | 'steps'>,
  installation: Installation,
  compilation: Compilation,
): Result<string> {
  const { host, image } = systemScripts(installation, compilation.layer.platform.architecture);
  const { from: _, ...hints } = layer.hints;
  const further = installation.further
    .map((one) => `# vlb: disk ${one.name} ${sizeText(one.disk.size)}\n`)
    .join('');
  const devices = installation.further.map(({ name }) => ` "$${diskVariable(name)}"`).join('');
  const inside = scriptOf({ ...layer, hints: { ...hints, disks: [] } }, compilation, [`(\n${image})\n`]);
  if (!inside.ok) return inside;
  return ok(`#### ${layer.name} on the host: a modify-disk
#!/bin/sh
# vlb: from scratch
# vlb: disk-size ${sizeText(installation.disk.size)}
${further}${hints.passphrases.map((name) => `# vlb: secret ${name}\n`).join('')}set -eu
set -- "$3" "$TMPDIR/kept"${devices} # vlb keeps this directory between builds

${host}
#### ${layer.name} in the image: a build-layer
${inside.value}`);
}

/** A size as hints have it. */
function sizeText(bytes: number): string {
  const text = formatBytes(bytes)
    .replace(/\.0 | (?=.*i?B)/, '')
    .replace(/iB$/, '');
  return parseSize(text) === bytes ? text : String(bytes);
}

/** The hints as comments of a script. */
function hintLines(hints: Hints): readonly string[] {
  const { from, fstab, hostname, sectorSize, rootPartition, timeout, maxAge } = hints;
  const lines = [
    ...(hints.nocache ? ['nocache'] : []),
    ...(hints.noshare ? ['noshare'] : []),
    ...(from === undefined ? [] : [`from ${from === 'scratch' ? from : from.layer}`]),
    ...hints.layerMounts.map(({ layer, target }) => `mount ${layer} ${target}`),
    ...hints.bindMounts.map(({ source, target }) => `chroot-bind-mount ${source} ${target}`),
    ...hints.partitionMounts.map(({ partition, subvolume, target }) => {
      return `chroot-mount ${volumeWord(partition)}${subvolume === undefined ? '' : `:${subvolume}`} ${target}`;
    }),
    ...hints.cacheDirs.map((directory) => `cache-dir ${directory}`),
    ...hints.disks.map(({ name, size }) => `disk ${name} ${sizeText(size)}`),
    ...hints.secrets
      .filter(({ name }) => !hints.passphrases.includes(name))
      .map(({ name }) => `secret ${name}`),
    ...hints.passphrases.map((name) => `passphrase ${name}`),
    ...hints.params.map(
      ({ name, default: value }) => `param ${name}${value === undefined ? '' : `=${value}`}`,
    ),
    ...(hints.noNetwork ? ['network none'] : []),
    ...(hostname === undefined ? [] : [`hostname ${hostname}`]),
    ...(fstab === undefined ? [] : [`fstab ${fstab}`]),
    ...(sectorSize === undefined ? [] : [`sector-size ${sectorSize}`]),
    ...(rootPartition === undefined ? [] : [`root-partition ${rootPartition}`]),
    ...(timeout === undefined ? [] : [`timeout ${timeout}s`]),
    ...(maxAge === undefined ? [] : [`max-age ${maxAge}s`]),
  ];
  return lines.map((line) => `# vlb: ${line}\n`);
}
