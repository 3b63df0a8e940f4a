// Steps for tests: compiled for some image and some files, without a project.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { type Distribution, distributionOf } from '../../../src/distro/distribution.ts';
import { InputTree } from '../../../src/kinds/steps/input-tree.ts';
import { fail, ok, type Result } from '../../../src/model/failure.ts';
import { type ManifestEntry, manifestText } from '../../../src/model/manifest.ts';
import { VERBS } from '../../../src/steps/registry.ts';
import { renderTemplate } from '../../../src/steps/render.ts';
import type { LayerFiles, StepContext } from '../../../src/steps/verb.ts';
import { attempt } from '../../../src/util/errors.ts';

export const DEBIAN = distributionOf('ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n');
export const TRIXIE = distributionOf('ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n');
export const UBUNTU = distributionOf(
  'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n',
);
export const ROCKY = distributionOf('ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n');
export const CENTOS7 = distributionOf('ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\n');
export const FEDORA = distributionOf('ID=fedora\nVERSION_ID=42\n');
export const LEAP = distributionOf('ID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="15.6"\n');
export const ALPINE = distributionOf('ID=alpine\nVERSION_ID=3.20.3\n');
export const ARCH = distributionOf('ID=arch\n');

/** Files of a layer that are in memory. Patterns match exact names, and `*` in the last part of a name. */
export function layerOf(files: Readonly<Record<string, string | Buffer>>): LayerFiles {
  return {
    read: (file) => {
      const content = files[file];
      return content === undefined ? fail('usage', `${file}: no such file`) : ok(Buffer.from(content));
    },
    match: (patterns) =>
      Object.keys(files)
        .filter((name) => patterns.some((pattern) => path.matchesGlob(name, pattern)))
        .sort()
        .map((name) => ({ path: name, type: 'file' })),
  };
}

/** The files of a directory. */
export function layerIn(directory: string): LayerFiles {
  return {
    read: (file) => {
      const content = attempt(() => readFileSync(path.join(directory, file)));
      return content === undefined ? fail('usage', `${file}: no such file`) : ok(content);
    },
    match: (patterns) => new InputTree(manifestText(entriesIn(directory))).match(patterns),
  };
}

function entriesIn(directory: string): readonly ManifestEntry[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).map((entry): ManifestEntry => {
    const name = path.join(entry.parentPath, entry.name);
    const place = { path: `./${path.relative(directory, name)}` };
    if (entry.isSymbolicLink()) return { ...place, type: 'link', target: readlinkSync(name) };
    if (entry.isDirectory()) return { ...place, type: 'directory' };
    return { ...place, type: 'file', executable: false, hash: '0' };
  });
}

/** What a step with these arguments compiles to. Fails for arguments that the verb refuses, too, with its messages. */
export function compile(
  verb: string,
  args: unknown,
  more: Partial<StepContext> & { readonly distribution?: Distribution } = {},
): Result<string> {
  const known = VERBS.find(({ name }) => name === verb);
  assert(known, `no verb ${verb}`);
  const made = known.step(args);
  if (!made.ok) return fail('usage', made.issues.map(({ message }) => message).join('; '));
  const compiled = made.step.compile({
    distribution: DEBIAN,
    architecture: 'x64',
    layer: '20_app',
    params: {},
    files: layerOf({}),
    render: (text) => renderTemplate(text, { layer: '20_app' }),
    ...more,
  });
  return compiled.ok ? ok(compiled.value.shell) : compiled;
}

/** The shell that a step with these arguments compiles to. */
export function shellOf(...args: Parameters<typeof compile>): string {
  const compiled = compile(...args);
  assert(compiled.ok, compiled.ok ? '' : compiled.failure.message);
  return compiled.value;
}

/** Why arguments are refused. */
export function refusalOf(...args: Parameters<typeof compile>): string {
  const compiled = compile(...args);
  assert(!compiled.ok, compiled.ok ? `compiled to: ${compiled.value}` : '');
  return compiled.failure.message;
}
