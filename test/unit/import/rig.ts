// What the tests of imports share: a machine in memory, and the check that vlb takes what was written.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import type { Imported, Note, Source } from '../../../src/import/imported.ts';
import { type Config, readConfig } from '../../../src/project/config/read.ts';
import { VERBS } from '../../../src/steps/registry.ts';
import { render } from '../../../src/steps/render.ts';

/** A machine with these files, by absolute path; a text of null is a directory. */
export function machine(files: Readonly<Record<string, string | null>> = {}, mode = '0644'): Source {
  return {
    text: (file) => files[file] ?? undefined,
    status(file) {
      if (Object.hasOwn(files, file)) {
        return { type: files[file] === null ? 'directory' : 'file', mode, owner: '0:0' };
      }
      const isAbove = Object.keys(files).some((name) => name.startsWith(`${file}/`));
      return isAbove ? { type: 'directory', mode: '0755', owner: '0:0' } : undefined;
    },
    publicKey: () => Object.keys(files).find((file) => /\/\.ssh\/id.*\.pub$/.test(file)),
    now: () => new Date(2026, 2, 4, 5, 6, 7),
    random: () => 0,
    processors: () => 4,
    memory: () => ({ free: 2 * 1024 ** 3, total: 8 * 1024 ** 3 }),
  };
}

/** The value of a layer.yaml as it was written. */
export interface WrittenLayer {
  readonly params?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly network?: string;
  readonly steps: readonly Readonly<Record<string, unknown>>[];
}

/** The text of a file that an import writes. */
export function textOf({ files }: Imported, name: string): string {
  const file = files.find((one) => one.path === name);
  assert.ok(file, `${name} is not among ${files.map((one) => one.path).join(', ')}`);
  assert.ok('text' in file.content, `${name} is a copy`);
  return file.content.text;
}

/** The layer.yaml of a layer, after vlb's own schemas have accepted it. */
export function layerOf(imported: Imported, name: string): WrittenLayer {
  const layer = parse(textOf(imported, `layers/${name}/layer.yaml`)) as WrittenLayer; // checked below
  const own = imported.files.map((file) => file.path);
  for (const step of layer.steps) {
    const [[verbName = '', given] = [], ...others] = Object.entries(step);
    assert.deepEqual(others, [], 'a step has one verb');
    const verb = VERBS.find((one) => one.name === verbName);
    assert.ok(verb, `${verbName} is not a verb`);
    const isShell = typeof given === 'string' && verb.shell.length > 0;
    const made = verb.step(isShell ? given : rendered(given, layer.params ?? {}));
    assert.ok(made.ok, `${JSON.stringify(step)}: ${made.ok ? '' : made.issues.map((one) => one.message)}`);
    for (const file of made.step.reads === 'all' ? [] : made.step.reads) {
      const wanted = `layers/${name}/${file.replaceAll('\\', '')}`;
      assert.ok(
        own.some((one) => one === wanted),
        `${wanted} is read and not written`,
      );
    }
  }
  return layer;
}

/** The arguments as a step gets them. */
function rendered(value: unknown, params: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') return literalOf(value, params);
  if (Array.isArray(value)) return value.map((one) => rendered(one, params));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, rendered(one, params)]));
}

/** A text of a layer.yaml as vlb renders it. */
export function literalOf(text: string, params: Readonly<Record<string, string>> = {}): string {
  const result = render(text, params);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

/** vlb.yaml as vlb reads it. */
export function configOf(imported: Imported): Config {
  const directory = mkdtempSync(path.join(tmpdir(), 'vlb-import-'));
  try {
    const file = path.join(directory, 'vlb.yaml');
    writeFileSync(file, textOf(imported, 'vlb.yaml'));
    const config = readConfig(file);
    assert.ok(config.ok, JSON.stringify(config));
    return config.value;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Notes as they are printed. */
export function shown(notes: readonly Note[]): string[] {
  return notes.map(({ at, text, isLost }) => `${isLost ? '-' : ' '} ${at}: ${text}`);
}
