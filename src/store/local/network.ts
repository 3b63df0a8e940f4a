// Refuses stores on network file systems: other machines could use them at the same time, and the owners of locks and leases
// are known on one machine only.

import { statfsSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { attempt } from '../../util/errors.ts';

/** Types of statfs(2): linux/magic.h, and the sources of file systems outside of the kernel. FUSE is not recognized. */
const NETWORK: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'SMB',
  4266872130: 'SMB',
  16914839: '9p',
  12805120: 'Ceph',
  1397113167: 'AFS',
  1799439955: 'AFS',
  1937076805: 'Coda',
  198183888: 'Lustre',
  1196443219: 'GPFS',
  18225520: 'GFS2',
  1952539503: 'OCFS2',
};

/** Fails as `host` when a directory, which may not exist yet, is on a network file system. */
export function checkIsLocal(
  directory: string,
  typeOf: (file: string) => number = (file) => statfsSync(file).type,
): Result<void> {
  const name = NETWORK[typeOfNearest(directory, typeOf) ?? 0];
  if (name === undefined) return ok();
  return fail('host', `the store is on a network file system (${name})`, {
    where: { file: directory },
    hint: 'use --cache-dir DIR or VLB_CACHE_DIR with a local disk, and a shared cache (cache: s3: in vlb.yaml) between machines',
  });
}

/** The type of the file system of a directory or of its nearest existing parent; undefined when none can be accessed. */
function typeOfNearest(directory: string, typeOf: (file: string) => number): number | undefined {
  const type = attempt(() => typeOf(directory) >>> 0);
  const parent = path.dirname(directory);
  return type === undefined && parent !== directory ? typeOfNearest(parent, typeOf) : type;
}
