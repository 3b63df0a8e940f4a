// The libvirt of this machine, for tests: its daemons run while they are needed, and a test's domains and disks go with it.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runAsRoot } from './root.ts';

const URI = 'qemu:///system';

export class LibvirtRig implements AsyncDisposable {
  /** Unique on this machine. */
  readonly name = `vlb-test-${process.pid}`;
  /** For its disks: QEMU runs as a user who cannot read the temporary directory of a test. */
  readonly pool = `/var/lib/libvirt/images/${this.name}`;
  /** Of the daemons that were started. */
  readonly #pidFiles: string[] = [];

  async start(): Promise<void> {
    if (this.#answers()) return;
    const directory = mkdtempSync(path.join(tmpdir(), 'vlb-test-libvirt-'));
    for (const daemon of ['virtlogd', 'libvirtd']) {
      const file = path.join(directory, `${daemon}.pid`);
      runAsRoot(daemon, '--daemon', '--pid-file', file);
      this.#pidFiles.push(file);
    }
    for (let tries = 0; !this.#answers(); tries++) {
      if (tries > 100) throw new Error('libvirtd does not answer');
      await sleep(100);
    }
  }

  #answers(): boolean {
    try {
      this.virsh('version');
      return true;
    } catch {
      return false;
    }
  }

  virsh(...args: readonly string[]): string {
    return runAsRoot('env', 'LC_ALL=C', 'virsh', '-q', '-c', URI, ...args).trim();
  }

  /** Defines a domain. */
  define(xml: string): void {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'vlb-test-xml-')), 'domain.xml');
    execFileSync('sh', ['-c', 'cat > "$1"', 'sh', file], { input: xml });
    this.virsh('define', file);
  }

  /** `running 2`: the state of a domain, and the number of its system disk. */
  running(name = this.name): string {
    const state = this.virsh('domstate', name);
    const disk = /\.system\.(\d+)\.qcow2/.exec(this.virsh('domblklist', name))?.[1];
    return `${state} ${disk}`;
  }

  /** The SHA-256 of a file in the pool. */
  sha256(file: string): string {
    return runAsRoot('sha256sum', path.join(this.pool, file)).slice(0, 64);
  }

  files(): readonly string[] {
    return runAsRoot('ls', this.pool).trim().split('\n').sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const names = this.virsh('list', '--all', '--name').split('\n');
    for (const name of names.filter((one) => one.startsWith(this.name))) {
      if (this.virsh('domstate', name) !== 'shut off') this.virsh('destroy', name);
      this.virsh('undefine', name, '--nvram');
    }
    runAsRoot('rm', '-rf', '--', this.pool);
    for (const file of this.#pidFiles) runAsRoot('kill', readFileSync(file, 'utf8').trim());
  }
}
