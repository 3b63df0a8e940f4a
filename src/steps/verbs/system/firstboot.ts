// firstboot: a script that runs once, at the first boot.

import * as v from 'valibot';
import { serviceManagerOf } from '../../../distro/services.ts';
import { fed } from '../../../distro/shell-text.ts';
import { ok } from '../../../model/failure.ts';
import { count, layerPath, mapping, oneOf } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';
import {
  type FirstScript,
  hasOne,
  NOT_ONE,
  nameOf,
  putScript,
  readsOf,
  SCRIPT_FIELDS,
  titleOf,
} from './first-scripts.ts';

const PLACE = '/var/lib/vlb/firstboot';
const RUNNER = '/usr/lib/vlb/firstboot';
const UNIT = 'vlb-firstboot.service';

const RUNNER_TEXT = `#!/bin/sh
# Runs the scripts for the first boot, in order, each until it succeeds. One that fails keeps the following ones
# waiting for the next boot, until its retries are used up: it is then moved to ${PLACE}-failed.
failed=0
for place in ${PLACE}/[0-9]*; do
  [ -x "$place/script" ] || continue
  name=\${place##*/}
  echo "firstboot: $name"
  if (cd / && exec "$place/script"); then
    rm -rf "$place"
    sync
    continue
  fi
  read -r retries <"$place/retries"
  if [ "$retries" -gt 0 ]; then
    echo $((retries - 1)) >"$place/retries"
    echo "firstboot: $name failed, and runs again at the next boot"
    exit 1
  fi
  echo "firstboot: $name failed, and does not run again"
  mkdir -p ${PLACE}-failed
  mv "$place" ${PLACE}-failed/
  failed=1
done
exit $failed
`;

/** Before whatever lets users log in: systemd-user-sessions.service permits it, and logins of root do not wait for that. */
const UNIT_TEXT = `[Unit]
Description=Scripts for the first boot
ConditionPathExistsGlob=${PLACE}/[0-9]*
After=network.target
Before=systemd-user-sessions.service getty-pre.target ssh.service sshd.service display-manager.service
Wants=getty-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=HOME=/root
ExecStart=${RUNNER}
StandardOutput=journal+console
StandardError=inherit

[Install]
WantedBy=multi-user.target
`;

const ONLINE_TEXT = `[Unit]
Wants=network-online.target
After=network-online.target
`;

const OPENRC_TEXT = `#!/sbin/openrc-run
description="Scripts for the first boot"
depend() {
  after net
  before sshd
}
start() {
  ebegin "Running the scripts for the first boot"
  HOME=/root ${RUNNER} 2>&1 | tee /dev/console
  eend 0
}
`;

const RULE = 'must be a script of the layer, or a mapping with "script" or "command"';

const SCHEMA = oneOf(RULE, [
  layerPath(),
  v.pipe(
    mapping({
      ...SCRIPT_FIELDS,
      retries: v.optional(count(0)),
      network: v.optional(v.boolean('must be true or false')),
    }),
    v.check(hasOne, NOT_ONE),
  ),
]);

export const FIRSTBOOT = defineVerb({
  name: 'firstboot',
  summary:
    'Has a script run as root at the first boot, before anyone can log in, after those of steps and layers before. Its output goes to the console and the journal. If it fails, it runs again at the next boots, 3 times or as `retries` says. `network: true` waits until the machine is online',
  examples: [
    'firstboot: ./register.sh',
    'firstboot: { command: resize2fs /dev/vda1, retries: 0 }',
    'firstboot: { script: ./enroll.sh, network: true }',
  ],
  schema: SCHEMA,
  shell: ['command'],
  title: (args) => titleOf(fieldsOf(args)),
  reads: (args) => readsOf(fieldsOf(args)),
  compile(args, { distribution, files }) {
    const fields = fieldsOf(args);
    const script = putScript(fields, '"$place/script"', files);
    if (!script.ok) return script;
    const { name } = serviceManagerOf(distribution);
    return ok({
      shell: [
        `mkdir -p /usr/lib/vlb ${PLACE}`,
        fed(`cat >${RUNNER}`, RUNNER_TEXT),
        `chmod 0755 ${RUNNER}`,
        ...(name === 'systemd' ? systemdLines(fields.network === true) : openrcLines()),
        `place=$(printf '${PLACE}/%03d-%s' $(($(ls ${PLACE} | wc -l) + 1)) ${nameOf(fields)})`,
        'mkdir "$place"',
        `echo ${fields.retries ?? 3} >"$place/retries"`,
        ...script.value,
      ].join('\n'),
    });
  },
});

/** The fields of a mapping, whose type valibot loses behind a check on all of it. */
interface Fields extends FirstScript {
  readonly retries?: string | undefined;
  readonly network?: boolean | undefined;
}

function fieldsOf(args: v.InferOutput<typeof SCHEMA>): Fields {
  return typeof args === 'string' ? { script: args } : args;
}

function systemdLines(waits: boolean): string[] {
  const directory = `/etc/systemd/system/${UNIT}.d`;
  return [
    fed(`cat >/etc/systemd/system/${UNIT}`, UNIT_TEXT),
    ...(waits ? [`mkdir -p ${directory}`, fed(`cat >${directory}/online.conf`, ONLINE_TEXT)] : []),
    `systemctl enable ${UNIT}`,
  ];
}

function openrcLines(): string[] {
  return [
    fed('cat >/etc/init.d/vlb-firstboot', OPENRC_TEXT),
    'chmod 0755 /etc/init.d/vlb-firstboot',
    'rc-update add vlb-firstboot default',
  ];
}
