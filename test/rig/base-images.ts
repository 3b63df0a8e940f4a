// A tiny system as one flat file, for tests of base images.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TestProject } from './project.ts';
import { buildLayer, type TinyOptions, tinyDisk } from './tiny.ts';

/** A project's only layer, which shows whether the tiny system is there. */
export const APP = { 'layers/10_app/build-layer': buildLayer('cat /etc/os-release') };

export class BaseImages implements Disposable {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'vlb-bases-'));

  /** Makes NAME.qcow2 and NAME.raw with vlb itself. */
  async make(name: string, options: TinyOptions): Promise<void> {
    await using maker = new TestProject({ 'layers/10_base/modify-disk': tinyDisk(options) });
    const made = await maker.build(['--flatten']);
    assert.equal(made.status, 0, made.told);
    copyFileSync(maker.path('build/image.qcow2'), this.path(`${name}.qcow2`));
    this.run('qemu-img', 'convert', '-O', 'raw', `${name}.qcow2`, `${name}.raw`);
  }

  path(name: string): string {
    return path.join(this.directory, name);
  }

  /** Runs a command in the directory of the images. */
  run(command: string, ...args: readonly string[]): string {
    return execFileSync(command, args, {
      cwd: this.directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}
