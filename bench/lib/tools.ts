// The other tools: which of them this machine has, and how to install the rest. None is needed.

import { accessSync, constants } from 'node:fs';
import path from 'node:path';

const HOW: Readonly<Record<string, string>> = {
  ninja: 'apt-get install ninja-build',
  git: 'apt-get install git',
  scons: 'apt-get install scons',
  wireit: 'npm install --global wireit',
  buildah: 'apt-get install buildah',
  'virt-customize': 'apt-get install libguestfs-tools linux-image-amd64',
  mmdebstrap: 'apt-get install mmdebstrap',
};

/** Whether a tool is on the PATH; when not, says how to install it. */
export function has(tool: string): boolean {
  const found = (process.env['PATH'] ?? '').split(':').some((directory) => {
    try {
      accessSync(path.join(directory, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (!found) process.stdout.write(`  ${tool} is not installed: ${HOW[tool] ?? 'no package is known'}\n`);
  return found;
}
