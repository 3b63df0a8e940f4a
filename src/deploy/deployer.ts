// The targets of deployments: each is a folder beside this file.

import type { Deployer } from '../model/ports/deployer.ts';
import { prepareDisk } from './disk/disk.ts';
import { prepareLibvirt } from './libvirt/libvirt.ts';
import type { DeployTools } from './tools.ts';

export function openDeployer(tools: DeployTools): Deployer {
  return {
    prepare: async ({ target, ...wish }, signal) => {
      if (target.type === 'disk') return prepareDisk(target.path, wish, tools, signal);
      return prepareLibvirt(target.uri, wish, tools);
    },
  };
}
