// The composition root of vlb deploy.

import { openDeployer } from '../deploy/deployer.ts';
import { dyingWithParent } from '../host/process/lifetime.ts';
import { ownerIsAlive } from '../host/process/owner.ts';
import { isInstalled, missingTool, run, start } from '../host/process/run.ts';
import { ok } from '../model/failure.ts';
import type { Deployer } from '../model/ports/deployer.ts';

export function deployer(directory: string, owner: string): Deployer {
  return openDeployer({
    run: (command, args, { tied = false, ...options } = {}) =>
      tied ? run(...dyingWithParent('KILL', command, args), options) : run(command, args, options),
    require: (command) => (isInstalled(command) ? ok() : missingTool(command)),
    start: (command, args) => start(...dyingWithParent('KILL', command, args), { detached: true }),
    shell: async (line, env, signal) => {
      const done = await run('sh', ['-c', line], { cwd: directory, env, signal });
      return done.ok ? ok() : done;
    },
    owner,
    isAlive: ownerIsAlive,
  });
}
