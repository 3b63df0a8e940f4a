// The monitor of a qemu-storage-daemon (QMP), through which a disk that is in use continues in another file.

import { ok, type Result } from '../../model/failure.ts';
import { continueDisk, makePipe } from '../root/agent-devices.ts';
import type { RunShell } from '../root/run-shell.ts';
import { type AttachedDisk, DELTA_OPTIONS } from './backend.ts';

export interface Monitor {
  /** For the daemon's command line. */
  readonly options: readonly string[];
  readonly continueIn: NonNullable<AttachedDisk['continueIn']>;
}

/** Prepares the monitor of a daemon that is to be started, whose disk is its node `disk`. Fails as `host`. */
export async function openMonitor(run: RunShell): Promise<Result<Monitor>> {
  const { shell } = run;
  const pipe = run.file('monitor');
  const made = await makePipe(shell, pipe);
  if (!made.ok) return made;
  let node = 'disk';
  let count = 0;
  return ok({
    // Two pipes, since the path of a socket may have at most 107 bytes.
    options: [
      '--chardev',
      `pipe,id=monitor,path=${pipe.replaceAll(',', ',,')}`,
      '--monitor',
      'chardev=monitor',
    ],
    continueIn: async (root, file) => {
      const overlay = `disk${++count}`;
      const commands = [
        ...(count === 1 ? [{ execute: 'qmp_capabilities' }] : []),
        {
          execute: 'blockdev-add',
          arguments: {
            driver: 'qcow2',
            'node-name': overlay,
            // The file names the one below, which the next command puts there.
            backing: null,
            ...DELTA_OPTIONS,
            'detect-zeroes': 'unmap',
            file: { driver: 'file', filename: file, ...DELTA_OPTIONS },
          },
        },
        { execute: 'blockdev-snapshot', arguments: { node, overlay } },
      ];
      const continued = await continueDisk(
        shell,
        root,
        pipe,
        commands.map((command) => JSON.stringify(command)),
      );
      if (continued.ok) node = overlay;
      return continued;
    },
  });
}
