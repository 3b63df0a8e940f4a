// Runs what steps compile to by the shell of this machine, with directories of the test in the place of the image and the layer.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compile, layerIn } from './compiled.ts';

export interface Sandbox {
  /** In the place of the image: paths of steps begin with it. */
  readonly image: string;
  readonly layer: string;
  /** Runs a step, which is to succeed; returns its output. */
  run(verb: string, args: unknown): string;
  /** Runs a step that is to fail; returns its output, or why it is refused. */
  fails(verb: string, args: unknown): string;
  /** The text of a file of the image. */
  text(name: string): string;
  /** Writes a file of the image. */
  write(name: string, text: string): string;
  /** Writes a file of the layer. */
  add(name: string, text: string, mode?: number): void;
}

/**
 * Gives a sandbox to a test, and removes it.
 * @param tools whose commands steps run: of this machine, or of busybox
 */
export function inSandbox(test: (sandbox: Sandbox) => void, tools = ''): void {
  const root = mkdtempSync(path.join(tmpdir(), 'vlb-steps-'));
  const image = path.join(root, 'image');
  const layer = path.join(root, 'layer');
  const bin = path.join(root, 'bin');
  for (const directory of [image, layer, bin]) mkdirSync(directory);
  const isBusybox = tools === 'busybox';
  if (isBusybox) execFileSync('busybox', ['--install', '-s', bin]);
  const start = (shell: string) =>
    spawnSync(isBusybox ? path.join(bin, 'sh') : '/bin/sh', ['-eu', '-c', shell], {
      cwd: layer,
      encoding: 'utf8',
      env: { PATH: isBusybox ? bin : process.env['PATH'] },
    });
  const write = (file: string, text: string, mode?: number) => {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text, mode === undefined ? {} : { mode });
    return file;
  };
  try {
    test({
      image,
      layer,
      run(verb, args) {
        const compiled = compile(verb, args, { files: layerIn(layer) });
        assert(compiled.ok, compiled.ok ? '' : compiled.failure.message);
        const { status, stdout, stderr } = start(compiled.value);
        assert.equal(status, 0, `${compiled.value}\n${stdout}${stderr}`);
        return stdout + stderr;
      },
      fails(verb, args) {
        const compiled = compile(verb, args, { files: layerIn(layer) });
        if (!compiled.ok) return compiled.failure.message;
        const { status, stdout, stderr } = start(compiled.value);
        assert.notEqual(status, 0, compiled.value);
        return stdout + stderr;
      },
      text: (name) => readFileSync(path.join(image, name), 'utf8'),
      write: (name, text) => write(path.join(image, name), text),
      add: (name, text, mode) => void write(path.join(layer, name), text, mode),
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
