// A throwaway directory with tiny guests, and check boots of them that record all notes.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { qemuBooter } from '../../../src/host/boot/booter.ts';
import { isInstalled } from '../../../src/host/process/run.ts';
import type { Failure, Result } from '../../../src/model/failure.ts';
import type { BootReport, CheckOptions, MachineOptions } from '../../../src/model/ports/booter.ts';
import { diskThatWrites, type Ending } from './boot-sector.ts';

export interface Checked {
  readonly result: Result<BootReport>;
  readonly notes: readonly string[];
  readonly console: string;
}

export class BootRig implements Disposable {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'vlb-test-boot-'));
  readonly #environment = process.env['TMPDIR'];

  constructor() {
    for (const tool of ['qemu-system-x86_64', 'qemu-img']) {
      assert.ok(isInstalled(tool), `these tests boot real machines and need ${tool}`);
    }
    // So that what a boot leaves behind is seen, and other boots on this host are not.
    process.env['TMPDIR'] = this.directory;
  }

  /** Writes a file into the directory and returns its path. */
  write(name: string, content: string | Uint8Array): string {
    const file = path.join(this.directory, name);
    writeFileSync(file, content);
    return file;
  }

  /** A raw image whose guest writes this text. */
  guest(text: string, ending?: Ending): string {
    return this.write('guest.img', diskThatWrites(text, ending));
  }

  async check(
    image: string,
    check: CheckOptions = {},
    machine: Partial<MachineOptions> = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Checked> {
    const notes: string[] = [];
    let console = '';
    const result = await qemuBooter.check(
      { image, accelerator: 'tcg', ...machine },
      { timeout: 20, ...check },
      {
        note: (line) => notes.push(line),
        console: (text) => {
          console += text;
        },
        commandOutput: () => {},
      },
      signal,
    );
    return { result, notes, console };
  }

  [Symbol.dispose](): void {
    if (this.#environment === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = this.#environment;
    if (process.env['VLB_TEST_KEEP']) return;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The failure of a result that has to be one. */
export function mustFail(result: Result<unknown>): Failure {
  assert.ok(!result.ok, 'it has to fail');
  return result.failure;
}

/** The value of a result that has to be good. */
export function mustBeOk<T>(result: Result<T>): T {
  if (!result.ok)
    assert.fail(`${result.failure.kind}: ${result.failure.message}\n${result.failure.detail?.join('\n')}`);
  return result.value;
}
