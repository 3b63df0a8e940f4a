// The whole look at this machine, all parts of it at the same time.

import type { Finding } from '../../model/ports/checkup.ts';
import { tryAttaching } from './attach.ts';
import { lookForKvm, lookForNbd, lookForUefi } from './optional.ts';
import { lookForTools } from './tools.ts';

/** Everything that a project has no part in. Groups and what is in them come in the order in which they are to be read. */
export async function checkMachine(): Promise<readonly Finding[]> {
  const [tools, attaching, nbd] = await Promise.all([lookForTools(), tryAttaching(), lookForNbd()]);
  const all = [node(), ...tools, ...attaching, lookForKvm(), ...lookForUefi(), nbd];
  const groups = [...new Set(all.map(({ group }) => group))];
  return groups.flatMap((group) => all.filter((finding) => finding.group === group));
}

/** An older one never gets as far as this: the first module of vlb says so. */
function node(): Finding {
  const detail = process.versions.node;
  return { group: 'vlb build', name: 'node', purpose: 'runs vlb', needed: true, state: 'ok', detail };
}
