// The table's command that puts a machine where it runs: deploy.

import { BACKEND, NBD, PARAM, PROGRESS, SECRET } from './shared.ts';
import type { Command } from './types.ts';

export const DEPLOY = {
  text: 'put a machine where it runs, with a way back',
  arguments: {
    machine: { value: 'MACHINE', required: true, text: 'MACHINE of vlb.yaml, or an image or layer' },
  },
  options: {
    to: { value: 'TARGET', text: 'TARGET: libvirt, a URI, a block device, a file' },
    pool: { value: 'POOL', text: 'POOL, or a directory, for the disks' },
    check: {
      value: 'CHECK',
      optional: true,
      text: 'CHECK: agent, running, port:N, command:LINE or console:REGEX',
    },
    timeout: { value: 'TIME', default: '2m', text: 'TIME to shut down, then to be up' },
    rollback: { text: 'go back to the earlier system disk' },
    keep: { value: 'N', number: true, default: '2', text: 'keep N earlier system disks' },
    adopt: { text: 'take over a domain that vlb did not define' },
    force: { text: 'replace what is there, also if it is the same' },
    full: { text: 'write also the blocks without data' },
    'no-build': { text: 'fail if a layer has to be built' },
    'dry-run': { alias: 'n', text: 'print what would be built and done' },
    param: PARAM,
    secret: SECRET,
    progress: PROGRESS,
    backend: BACKEND,
    nbd: NBD,
  },
  examples: [
    ['vlb deploy web --to libvirt --check port:22', 'to qemu:///system, once it answers at port 22'],
    ['vlb deploy web --to libvirt --rollback', 'back to the disk before'],
    ['vlb deploy web --to /dev/vg0/web', 'onto a logical volume'],
  ],
} as const satisfies Command;
