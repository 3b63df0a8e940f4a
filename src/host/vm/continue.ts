// A disk in use continues in another file, as monitor.ts of the fuse backend has it: QEMU itself has the disk here.

import { ok, type Result } from '../../model/failure.ts';
import { DELTA_OPTIONS } from '../attach/backend.ts';
import { holdStill, letGo } from '../root/agent-devices.ts';
import type { RootShell } from '../root/root-shell.ts';
import type { Guest } from './guest.ts';

/** The nodes of a disk, the one that is written to first. */
export class DiskNodes {
  readonly #guest: Guest;
  readonly #nodes: string[];

  /** @param name of the node of format qcow2 that was opened first */
  constructor(guest: Guest, name: string) {
    this.#guest = guest;
    this.#nodes = [name, `${name}-file`];
  }

  /** Lets the disk continue in a file while the file systems at a root and below hold still. */
  async continueIn(shell: RootShell, root: string, file: string): Promise<Result<void>> {
    const held = await holdStill(shell, root);
    if (!held.ok) return held;
    const taken = await this.#snapshot(file);
    const released = await letGo(shell, held.value);
    return taken.ok ? released : taken;
  }

  async #snapshot(file: string): Promise<Result<void>> {
    const { qmp } = this.#guest;
    const [node] = this.#nodes;
    const overlay = this.#guest.newName('disk');
    const opened = await qmp.run('blockdev-add', {
      driver: 'qcow2',
      'node-name': overlay,
      // The file names the one below, which the next command puts there.
      backing: null,
      ...DELTA_OPTIONS,
      'detect-zeroes': 'unmap',
      file: { driver: 'file', filename: file, ...DELTA_OPTIONS },
    });
    if (!opened.ok) return opened;
    const taken = await qmp.run('blockdev-snapshot', { node, overlay });
    if (taken.ok) this.#nodes.unshift(overlay);
    else await qmp.run('blockdev-del', { 'node-name': overlay });
    return taken;
  }

  /** Closes the nodes of a disk that is unplugged. */
  async close(): Promise<Result<void>> {
    for (const node of this.#nodes) {
      const closed = await this.#guest.qmp.run('blockdev-del', { 'node-name': node });
      if (!closed.ok) return closed;
    }
    return ok();
  }
}
