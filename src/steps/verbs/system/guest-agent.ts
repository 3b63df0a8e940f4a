// guest-agent: what a hypervisor or a cloud expects in a guest.

import * as v from 'valibot';
import { guestAgent, PLATFORMS } from '../../../distro/guest-agents.ts';
import { packageManagerOf } from '../../../distro/packages/manager.ts';
import { KEPT } from '../../../distro/packages/port.ts';
import { serviceManagerOf } from '../../../distro/services.ts';
import { ok } from '../../../model/failure.ts';
import { mapping, oneOf } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

const RULE = `valid values: ${PLATFORMS.join(', ')}`;
const PLATFORM = v.picklist(PLATFORMS, RULE);

const SCHEMA = oneOf(`${RULE}, or a mapping with "for"`, [
  PLATFORM,
  v.pipe(v.array(PLATFORM), v.minLength(1, 'must not be empty')),
  mapping({ for: v.pipe(v.array(PLATFORM, `must be a list; ${RULE}`), v.minLength(1, 'must not be empty')) }),
]);

export const GUEST_AGENT = defineVerb({
  name: 'guest-agent',
  summary:
    'Installs and enables what the platform expects: qemu-guest-agent for qemu, open-vm-tools for vmware, cloud-init for cloud',
  examples: ['guest-agent: qemu', 'guest-agent: { for: [qemu, cloud] }'],
  schema: SCHEMA,
  title: (args) => platformsOf(args).join(' '),
  cacheDirs: () => [KEPT],
  compile(args, { distribution }) {
    const manager = packageManagerOf(distribution);
    if (!manager.ok) return manager;
    const agents = platformsOf(args).map((platform) => guestAgent(distribution, platform));
    const installed = manager.value.install(
      agents.map((agent) => ({ name: agent.package })),
      false,
    );
    if (!installed.ok) return installed;
    const services = agents.flatMap((agent) => agent.services);
    if (services.length === 0) return ok({ shell: installed.value });
    const { name, enable } = serviceManagerOf(distribution);
    const file = name === 'systemd' ? '/usr/lib/systemd/system/$service.service' : '/etc/init.d/$service';
    return ok({
      shell: [
        installed.value,
        `for service in ${services.join(' ')}; do`,
        `  if [ -e "${file}" ]; then ${enable(['SERVICE']).replace('SERVICE', '"$service"')}; fi`,
        'done',
      ].join('\n'),
    });
  },
});

function platformsOf(args: v.InferOutput<typeof SCHEMA>) {
  if (typeof args === 'string') return [args];
  return 'for' in args ? args.for : args;
}
