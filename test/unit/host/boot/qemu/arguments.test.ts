// QEMU's command line: what a machine is made of, and that no name of a file can be read as an option.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MachineSpec, qemuArguments } from '../../../../../src/host/boot/qemu/arguments.ts';
import { BootRig, mustFail } from '../../../../rig/boot/rig.ts';

const SPEC: MachineSpec = {
  arch: 'x86_64',
  accelerator: 'tcg',
  memoryMiB: 1024,
  cpus: 2,
  medium: { type: 'disk', image: { file: '/a,b/disk.img', format: 'raw' } },
  disks: [],
  firmware: undefined,
  network: { type: 'none' },
  cards: [{ model: 'virtio' }],
  seed: undefined,
};
const TERMINAL = { type: 'terminal' } as const;
const WATCHED = { type: 'watched', control: 'control', agent: 'agent' } as const;

/** The values of an option, in order. */
function values(args: readonly string[], option: string): string[] {
  return args.filter((_, index) => args[index - 1] === option);
}

test('the disk is a snapshot of the given format, and a comma in its name is no end', () => {
  const [drive] = values(qemuArguments(SPEC, TERMINAL), '-drive');
  assert.match(drive ?? '', /format=raw,snapshot=on,.*file=\/a,,b\/disk\.img/);
});

test('a disc and a kernel are read as they are, and no disk is attached', () => {
  const disc = { ...SPEC, medium: { type: 'disc', file: '/a,b/web.iso' } } as const;
  const args = qemuArguments(disc, WATCHED);
  assert.deepEqual(values(args, '-drive'), [
    'if=none,id=disc,media=cdrom,format=raw,readonly=on,file=/a,,b/web.iso',
  ]);
  assert.ok(args.includes('ide-cd,drive=disc,bootindex=0'));
  const arm = values(qemuArguments({ ...disc, arch: 'aarch64' }, WATCHED), '-device');
  assert.ok(arm.indexOf('virtio-scsi-pci') < arm.indexOf('scsi-cd,drive=disc,bootindex=0'));
  const kernel = { type: 'kernel', kernel: '/a,b/vmlinuz', initrd: '/a,b/initrd', cmdline: 'a=b c' } as const;
  const words = qemuArguments({ ...SPEC, medium: kernel }, WATCHED);
  assert.deepEqual(values(words, '-drive'), []);
  const given = ['-kernel', '-initrd', '-append'].flatMap((option) => values(words, option));
  assert.deepEqual(given, ['/a,b/vmlinuz', '/a,b/initrd', 'a=b c']);
});

test('the host’s processor is shown under KVM only', () => {
  assert.deepEqual(values(qemuArguments(SPEC, TERMINAL), '-cpu'), ['max,la57=off']);
  assert.deepEqual(values(qemuArguments({ ...SPEC, accelerator: 'kvm' }, TERMINAL), '-cpu'), ['host']);
});

test('a guest may reboot at a terminal, and not in a check', () => {
  assert.ok(!qemuArguments(SPEC, TERMINAL).includes('-no-reboot'));
  assert.ok(qemuArguments(SPEC, WATCHED).includes('-no-reboot'));
});

test('QEMU may start no program, but for a port on a bridge', () => {
  assert.match(values(qemuArguments(SPEC, WATCHED), '-sandbox')[0] ?? '', /^on,.*spawn=deny/);
  assert.match(values(qemuArguments(SPEC, TERMINAL), '-sandbox')[0] ?? '', /^on,.*spawn=deny/);
  const bridge = { ...SPEC, network: { type: 'bridge', bridge: 'br0' } } as const;
  assert.deepEqual(values(qemuArguments(bridge, WATCHED), '-sandbox'), ['on']);
});

test('networks', () => {
  assert.deepEqual(values(qemuArguments(SPEC, WATCHED), '-netdev'), []);
  const bridge = { ...SPEC, network: { type: 'bridge', bridge: 'br0' } } as const;
  assert.deepEqual(values(qemuArguments(bridge, WATCHED), '-netdev'), ['bridge,id=net,br=br0']);
  const forwards = [
    { address: '127.0.0.1', hostPort: 2222, guestPort: 22 },
    { address: '0.0.0.0', hostPort: 8080, guestPort: 80 },
  ];
  assert.deepEqual(
    values(qemuArguments({ ...SPEC, network: { type: 'user', forwards } }, WATCHED), '-netdev'),
    ['user,id=net,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=tcp:0.0.0.0:8080-:80'],
  );
});

test('a machine has all its disks, of which the first is booted, and a card for each network', () => {
  const machine = qemuArguments(
    {
      ...SPEC,
      disks: [{ file: '/data.qcow2', format: 'qcow2' }],
      network: { type: 'user', forwards: [{ address: '127.0.0.1', hostPort: 2222, guestPort: 22 }] },
      cards: [{ model: 'virtio', mac: '52:54:00:00:00:01' }, { model: 'e1000' }],
    },
    WATCHED,
  );
  assert.match(values(machine, '-drive')[1] ?? '', /^if=none,id=disk1,format=qcow2,snapshot=on/);
  assert.deepEqual(
    values(machine, '-device').filter((device) => /drive=|netdev=/.test(device)),
    [
      'virtio-blk-pci,drive=disk,bootindex=0',
      'virtio-blk-pci,drive=disk1',
      'virtio-net-pci,netdev=net,romfile=,mac=52:54:00:00:00:01',
      'e1000,netdev=net1,romfile=',
    ],
  );
  assert.deepEqual(values(machine, '-netdev'), [
    'user,id=net,hostfwd=tcp:127.0.0.1:2222-:22',
    'user,id=net1',
  ]);
});

test('a guest that writes to its disk has the ports of a script, and the text for its systemd', () => {
  const handOver = { tmpfiles: 'd /run/vlb 0700 - - - -\n', input: 'in', output: 'out', words: 'said' };
  const args = qemuArguments({ ...SPEC, writes: true }, { ...WATCHED, handOver });
  assert.match(values(args, '-drive')[0] ?? '', /format=raw,cache=unsafe,detect-zeroes=unmap,discard=unmap,/);
  assert.ok(!args.join(' ').includes('snapshot=on'));
  assert.deepEqual(values(args, '-smbios'), [
    `type=11,value=io.systemd.credential.binary:tmpfiles.extra=${Buffer.from(handOver.tmpfiles).toString('base64')}`,
  ]);
  assert.deepEqual(
    values(args, '-chardev').filter((device) => device.startsWith('socket')),
    [
      'socket,id=control,path=control',
      'socket,id=agent,path=agent',
      'socket,id=input,path=in',
      'socket,id=output,path=out',
      'socket,id=words,path=said',
    ],
  );
  assert.deepEqual(
    values(args, '-device').filter((device) => device.startsWith('virtserialport')),
    [
      'virtserialport,chardev=agent,name=org.qemu.guest_agent.0',
      'virtserialport,chardev=input,name=vlb.input',
      'virtserialport,chardev=output,name=vlb.output',
    ],
  );
  assert.equal(values(args, '-device').filter((device) => device.startsWith('virtio-serial-pci')).length, 1);
});

test('without QEMU the package that has it is named', async () => {
  using rig = new BootRig();
  const image = rig.guest('x');
  const searched = process.env['PATH'];
  process.env['PATH'] = rig.directory;
  try {
    const failure = mustFail((await rig.check(image)).result);
    assert.equal(failure.kind, 'host');
    assert.match(
      `${failure.message}: ${failure.hint}`,
      /^qemu-system-\w+ is not installed: apt-get install qemu-system-/,
    );
  } finally {
    process.env['PATH'] = searched;
  }
});
