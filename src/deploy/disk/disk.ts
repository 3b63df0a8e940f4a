// Deploying to a block device or to a file: the system disk is written there as it is, and compared.

import path from 'node:path';
import { fail, type Result } from '../../model/failure.ts';
import type { Deployment } from '../../model/ports/deployer.ts';
import { realPathOrSame, statIfAny } from '../../util/fs.ts';
import type { DeployTools } from '../tools.ts';
import { prepareDevice } from './block-device.ts';
import { prepareFile } from './file.ts';
import type { DiskWish } from './write.ts';

/** @param given the path, as the user wrote it */
export async function prepareDisk(
  given: string,
  wish: DiskWish,
  tools: DeployTools,
  signal: AbortSignal,
): Promise<Result<Deployment>> {
  if (wish.rollback) {
    return fail('usage', '--rollback requires a domain of libvirt', {
      hint: 'a device or a file has no earlier disk: check out the earlier version of the project, and deploy it',
    });
  }
  if (wish.adopt || wish.pool !== undefined || wish.check.type !== 'auto') {
    const option = wish.adopt ? '--adopt' : wish.pool === undefined ? '--check' : '--pool';
    return fail('usage', `${option} requires a domain of libvirt, and --to ${given} is none`);
  }
  const place = realPathOrSame(path.resolve(given));
  if (statIfAny(place)?.isBlockDevice()) return prepareDevice(place, wish, tools, signal);
  return prepareFile(place, wish, tools);
}
