// What the tests of imports share: a machine in memory, and the check that vlb takes what was written.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import type { Imported, Note, Source } from '../../../src/import/imported.ts';
import type { Result } from '../../../src/model/failure.ts';
import type { ResolvedSteps } from '../../../src/model/project.ts';
import { type Config, readConfig } from '../../../src/project/config/read.ts';
import { readEntries } from '../../../src/project/steps/entries.ts';
import { readHints } from '../../../src/project/steps/fields.ts';
import { openStepsFile } from '../../../src/project/steps/file.ts';
import { resolveEntries, VALUE } from '../../../src/project/steps/resolve.ts';
import { renderField } from '../../../src/steps/render.ts';

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

/** The layer.yaml of a layer, after vlb has read it, with all of its steps. */
export function layerOf(imported: Imported, name: string): WrittenLayer {
  readSteps(imported, name);
  return parse(textOf(imported, `layers/${name}/layer.yaml`)) as WrittenLayer; // as readSteps has seen
}

/** The steps of a layer as vlb reads them, with the defaults of its params. The files that they name have been written. */
export function readSteps(imported: Imported, name: string): ResolvedSteps {
  return inDirectory((directory) => {
    writeFileSync(path.join(directory, 'layer.yaml'), textOf(imported, `layers/${name}/layer.yaml`));
    const file = valueOrFail(openStepsFile(directory, 'layer.yaml'));
    const hints = valueOrFail(readHints(file));
    const { entries } = valueOrFail(readEntries(directory, file));
    const params = Object.fromEntries(hints.params.map((param) => [param.name, param.default ?? '']));
    const secrets = hints.secrets.map((secret) => secret.name);
    const about = { architecture: 'x64', name, directory, secrets, render: renderField };
    const steps = valueOrFail(resolveEntries(entries, params, about));
    const own = imported.files.map((one) => one.path);
    for (const wanted of steps.all.flatMap(({ reads }) => (reads === 'all' ? [] : reads))) {
      const written = `layers/${name}/${wanted.replaceAll('\\', '')}`;
      assert.ok(own.includes(written), `${written} is read and not written`);
    }
    return steps;
  });
}

/** A text of a layer.yaml as vlb renders it. */
export function literalOf(text: string, params: Readonly<Record<string, string>> = {}): string {
  return text.includes(VALUE) ? valueOrFail(renderField(text, params)) : text;
}

function valueOrFail<T>(result: Result<T>): T {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

function inDirectory<T>(work: (directory: string) => T): T {
  const directory = mkdtempSync(path.join(tmpdir(), 'vlb-import-'));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** vlb.yaml as vlb reads it. */
export function configOf(imported: Imported): Config {
  return inDirectory((directory) => {
    const file = path.join(directory, 'vlb.yaml');
    writeFileSync(file, textOf(imported, 'vlb.yaml'));
    return valueOrFail(readConfig(file));
  });
}

/** Notes as they are printed. */
export function shown(notes: readonly Note[]): string[] {
  return notes.map(({ at, text, isLost }) => `${isLost ? '-' : ' '} ${at}: ${text}`);
}
