// vlb deploy to a real libvirt, with guests that are boot sectors: the system disk is replaced, gone back to, and vlb is killed.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { DeployStage } from '../../src/model/ports/deployer.ts';
import { diskThatWrites } from '../rig/boot/boot-sector.ts';
import { LibvirtRig } from '../rig/libvirt.ts';
import { Built, run, TestProject, VLB } from '../rig/project.ts';
import { asRoot, runAsRoot } from '../rig/root.ts';

const rig = new LibvirtRig();
const DATA = `${rig.name}.data.qcow2`;

const CONFIG = `
base: guest.img
machines:
  ${rig.name}:
    disks:
      - image: 10_app
      - { name: data, size: 10M }
    memory: 32M
    networks: []
    os: linux2022
    exports: [{ format: libvirt, type: qemu }]
  ${rig.name}-foreign:
    disks: [{ image: 10_app }]
    memory: 32M
    networks: []
    os: linux2022
    exports: [{ format: libvirt, type: qemu }]
  ${rig.name}-more:
    disks: [{ image: 20_more }]
    memory: 32M
    networks: []
    os: linux2022
    exports: [{ format: libvirt, type: qemu }]
`;

const FOREIGN = `<domain type='qemu'>
  <name>${rig.name}-foreign</name>
  <memory unit='MiB'>48</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='${rig.pool}/foreign.img'/><target dev='vdb' bus='virtio'/>
    </disk>
    <serial type='pty'/>
  </devices>
</domain>`;

describe('vlb deploy to libvirt', () => {
  let project: TestProject;
  let data: string;
  before(async () => {
    await rig.start();
    project = new TestProject({
      'layers/10_app/modify-disk': '#!/bin/sh\n# vlb: disk-size 1M\n:\n',
      'layers/20_more/modify-disk': '#!/bin/sh\n# vlb: disk-size 1M\n# vlb: disk extra 2M\n:\n',
      'vlb.yaml': CONFIG,
    });
  });
  after(async () => {
    await rig[Symbol.asyncDispose]();
    await project[Symbol.asyncDispose]();
  });

  /** The guest writes this text, and shuts down at the power button. */
  const guest = (text: string) =>
    writeFileSync(project.path('guest.img'), diskThatWrites(`${text}\r\n`, 'power button'));

  const vlb = async (args: readonly string[], onStdout?: (text: string) => void): Promise<Built> => {
    const command = asRoot(VLB, ['deploy', ...args, '--to', 'libvirt', '--progress', 'json']);
    return new Built(await run(...command, { cwd: project.directory, ...(onStdout ? { onStdout } : {}) }));
  };
  /** Deploys the guest, and checks that it writes a text. */
  const deploy = (text: string, ...args: readonly string[]) =>
    vlb([rig.name, '--timeout', '60s', '--check', `console:${text}`, ...args]);
  const end = ({ events }: Built) => events.find((event) => event.type === 'deploy-finished');
  const stages = ({ events }: Built) =>
    events.flatMap((event) => (event.type === 'deploy-stage' ? [event.stage] : [])).join(', ');
  const notes = ({ events }: Built) =>
    events.flatMap((event) => (event.type === 'note' ? [event.message] : [])).join('\n');

  test('vlb is killed while it deploys for the first time, and the next deployment begins again', async () => {
    guest('one');
    for (const stage of ['define', 'copy'] as const) {
      await killedAt(stage, 'one', '--pool', rig.pool);
      assert.doesNotMatch(rig.virsh('list', '--name'), new RegExp(rig.name), 'nothing runs');
    }
    const done = await deploy('one', '--pool', rig.pool);
    assert.equal(done.status, 0, done.told);
    assert.equal(end(done)?.outcome, 'deployed');
    assert.equal(rig.running(), 'running 1');
    assert.deepEqual(rig.files(), [DATA, `${rig.name}.system.1.qcow2`]);
    assert.ok(!rig.virsh('dumpxml', rig.name).includes(project.directory), 'nothing is in the project');
    data = rig.sha256(DATA);
  });

  test('the same again is fresh, and starts a guest that was switched off', async () => {
    const fresh = await deploy('one');
    assert.equal(fresh.status, 0, fresh.told);
    assert.equal(end(fresh)?.outcome, 'fresh');
    assert.equal(stages(fresh), '');
    rig.virsh('destroy', rig.name);
    const started = await deploy('one');
    assert.equal(started.status, 0, started.told);
    assert.equal(stages(started), 'start, check');
    assert.equal(rig.running(), 'running 1');
  });

  test('another disk: the guest is shut down by its power button, and started from the new one', async () => {
    guest('two');
    const xml = rig.virsh('dumpxml', '--inactive', rig.name);
    const done = await deploy('two');
    assert.equal(done.status, 0, done.told);
    assert.equal(stages(done), 'copy, shut down, switch, start, check, settle');
    assert.doesNotMatch(notes(done), /by force/);
    assert.equal(rig.running(), 'running 2');
    const changed = (text: string) => text.replace(/<metadata>[\s\S]*<\/metadata>/, '');
    assert.equal(
      changed(rig.virsh('dumpxml', '--inactive', rig.name)),
      changed(xml).replace('system.1', 'system.2'),
      'all else is as it was',
    );
    assert.equal(rig.sha256(DATA), data);
  });

  test('a disk that does not pass its check is replaced by the earlier one', async () => {
    guest('three');
    const failed = await vlb([rig.name, '--timeout', '15s', '--check', 'command:echo why; false']);
    assert.equal(failed.status, 1, failed.told);
    assert.equal(end(failed)?.outcome, 'rolled back');
    assert.match(
      end(failed)?.failure?.hint ?? '',
      /runs with the earlier system disk again: .*system\.2\.qcow2/,
    );
    assert.match(stages(failed), /check, go back, shut down, switch, start, settle$/);
    assert.equal(rig.running(), 'running 2');
    assert.equal(rig.sha256(DATA), data);
  });

  test('--rollback', async () => {
    const done = await vlb([rig.name, '--rollback', '--timeout', '30s', '--check', 'console:one']);
    assert.equal(done.status, 0, done.told);
    assert.equal(end(done)?.outcome, 'rolled back');
    assert.equal(rig.running(), 'running 1');
    const none = await vlb([rig.name, '--rollback']);
    assert.equal(none.status, 2, none.told);
    assert.match(none.ended.stderr, /no earlier system disk/);
    assert.equal(rig.running(), 'running 1');
    assert.equal(rig.sha256(DATA), data);
  });

  // What runs, or would, after vlb was killed at the beginning of a stage.
  for (const [stage, what] of [
    ['copy', /^running old$/],
    ['shut down', /^.* old$/],
    ['switch', /^shut off (old|new)$/],
    ['check', /^running new$/],
    ['settle', /^running new$/],
  ] as const) {
    test(`fault: SIGKILL of vlb at the stage "${stage}" of a deployment: the next one completes it`, async () => {
      guest(`after ${stage}`);
      const before = rig.running();
      const old = / \d+$/.exec(before)?.[0] ?? '';
      await killedAt(stage, `after ${stage}`);
      assert.match(
        rig.running().replace(/ \d+$/, (now) => (now === old ? ' old' : ' new')),
        what,
      );
      const done = await deploy(`after ${stage}`);
      assert.equal(done.status, 0, done.told);
      assert.doesNotMatch(notes(done), /by force/);
      assert.match(rig.running(), /^running \d+$/);
      assert.notEqual(rig.running(), before);
      assert.equal(rig.sha256(DATA), data);
    });
  }

  test('^C during the check goes back; --rollback after a SIGKILL does so too', async () => {
    guest('interrupted');
    const before = rig.running();
    const wanted = [rig.name, '--timeout', '60s', '--check', 'console:never'];
    const interrupted = await vlb(wanted, signalAt('check', 'INT'));
    assert.equal(interrupted.status, 130, interrupted.told);
    assert.equal(rig.running(), before);
    await vlb(wanted, signalAt('check', 'KILL'));
    assert.notEqual(rig.running(), before);
    const back = await vlb([rig.name, '--rollback', '--timeout', '60s', '--check', 'console:after settle']);
    assert.equal(back.status, 0, back.told);
    assert.equal(rig.running(), before);
    assert.equal(rig.sha256(DATA), data);
  });

  test('a domain of others is left alone, unless it is to be adopted', async () => {
    const name = `${rig.name}-foreign`;
    runAsRoot('cp', project.path('guest.img'), `${rig.pool}/foreign.img`);
    rig.define(FOREIGN);
    const sum = rig.sha256('foreign.img');
    const xml = rig.virsh('dumpxml', name);
    const refused = await vlb([name]);
    assert.equal(refused.status, 2, refused.told);
    assert.match(refused.ended.stderr, /was not defined by vlb[\s\S]*--adopt/);
    assert.equal(rig.virsh('dumpxml', name), xml);
    // It does not hear the power button: it is switched off when the time is over.
    const args = [name, '--adopt', '--timeout', '20s', '--check', 'console:interrupted'];
    const adopted = await vlb(args);
    assert.equal(adopted.status, 0, adopted.told);
    assert.equal(rig.running(name), 'running 1');
    assert.match(rig.virsh('dumpxml', name), /<memory unit='KiB'>49152</, 'its memory is its own');
    const back = await vlb([name, '--rollback', '--timeout', '60s', '--check', 'console:interrupted']);
    assert.equal(back.status, 0, back.told);
    assert.match(rig.virsh('dumpxml', name), /type='raw'[\s\S]*foreign\.img/);
    assert.equal(rig.sha256('foreign.img'), sum);
  });

  test('what cannot be told is refused', async () => {
    rig.virsh('detach-disk', rig.name, 'vdb', '--config');
    const missing = await vlb([rig.name]);
    assert.equal(missing.status, 2, missing.told);
    assert.match(missing.ended.stderr, /no data disk with the serial number data/);
    rig.virsh('destroy', rig.name);
    rig.virsh('undefine', rig.name);
    const taken = await vlb([rig.name, '--pool', rig.pool]);
    assert.equal(taken.status, 2, taken.told);
    assert.match(taken.ended.stderr, /has a file .*\.data\.qcow2 already/);
    assert.equal(rig.sha256(DATA), data);
    const inside = await vlb([rig.name, '--pool', project.path('build')]);
    assert.equal(inside.status, 2, inside.told);
    assert.match(inside.ended.stderr, /outside of build/);
  });

  test('the further disks of an image are deployed with it, and stay with the next one', async () => {
    guest('more');
    const name = `${rig.name}-more`;
    const file = `${name}.extra.qcow2`;
    const put = (text: string) =>
      vlb([name, '--timeout', '60s', '--check', `console:${text}`, '--pool', rig.pool]);
    const done = await put('more');
    assert.equal(done.status, 0, done.told);
    assert.ok(rig.virsh('domblklist', name).includes(`${rig.pool}/${file}`), rig.virsh('domblklist', name));
    const before = rig.sha256(file);
    guest('most');
    const next = await put('most');
    assert.equal(next.status, 0, next.told);
    assert.equal(rig.running(name), 'running 2');
    assert.equal(rig.sha256(file), before);
  });

  /** Sends a signal to vlb, and not to what started it, when it says that it enters a stage. */
  function signalAt(stage: DeployStage, signal: 'KILL' | 'INT'): (text: string) => void {
    let isSent = false;
    return (text) => {
      if (isSent || !text.includes(`"stage":"${stage}"`)) return;
      isSent = true;
      runAsRoot('pkill', `-${signal}`, '-f', `main.mjs deploy ${rig.name} `);
    };
  }

  async function killedAt(stage: DeployStage, text: string, ...args: readonly string[]): Promise<void> {
    const wanted = [rig.name, '--timeout', '60s', '--check', `console:${text}`, ...args];
    const killed = await vlb(wanted, signalAt(stage, 'KILL'));
    assert.ok(killed.status === null || killed.status === 137, killed.told);
    assert.equal(end(killed), undefined);
  }
});
