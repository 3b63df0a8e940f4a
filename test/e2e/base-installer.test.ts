// `installer:` of a base: a machine installs it unattended, and it is a base as any other.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { BaseImages } from '../rig/base-images.ts';
import { makeInstaller } from '../rig/boot/installer.ts';
import { leftovers } from '../rig/host-state.ts';
import { guestsOf } from '../rig/machine-processes.ts';
import { type Built, TestProject } from '../rig/project.ts';
import { buildLayer } from '../rig/tiny.ts';

describe('installers as bases', { concurrency: 2 }, () => {
  const images = new BaseImages();
  const server = createServer((request, response) => {
    response.end(readFileSync(images.path(`.${request.url}`)));
  });
  let web = '';

  before(async () => {
    await images.make('tiny', { size: '64M' });
    makeInstaller(images.directory, images.path('tiny.raw'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    web = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // a TCP server's address
  });
  after(() => {
    server.close();
    images[Symbol.dispose]();
  });

  const files = () => `kernel: ${images.path('linux')}, initrd: ${images.path('initrd.gz')}`;
  const project = (installer: string, answers: string, name = 'preseed.cfg') =>
    new TestProject({
      'vlb.yaml': `base: { installer: { ${installer} }, answers: ${name}, size: 96M }\n`,
      [name]: `${answers}\n`,
      'layers/10_app/build-layer': buildLayer('cat /etc/os-release; tail -c 512 "$VLB_DISK" | head -n 1'),
    });
  const failureOf = (built: Built) => {
    assert.notEqual(built.status, 0, built.told);
    return built.finished?.failure;
  };

  test('kernel and initial ramdisk: answers are in it, and the console is the progress', async () => {
    await using own = project(`${files()}, arguments: "x=1 y", network: none`, 'language german');
    const built = await own.build();
    assert.equal(built.outcomes, 'base built, 10_app built', built.told);
    assert.match(built.output, /^ID=tiny$/m);
    assert.match(built.output, /^language german$/m);
    assert.match(
      built.output,
      /^\[installer\] installer: auto=true priority=critical DEBIAN_FRONTEND=text console=ttyS0 x=1 y$/m,
    );
    assert.doesNotMatch(built.output, /has eth0/);
    assert.deepEqual([leftovers(own), guestsOf(own.directory)], [[], []]);
    assert.equal((await own.build()).outcomes, 'base fresh, 10_app fresh');
    own.write({ 'preseed.cfg': 'language english\n' });
    const plan = await own.vlb(['plan']);
    assert.match(plan.stdout, /^run +base/m, plan.stderr);
    const again = await own.build();
    assert.match(again.output, /^language english$/m);
  });

  test('an ISO image has both, and a kickstart says where it is', async () => {
    await using own = project(`iso: ${images.path('install.iso')}`, 'text', 'ks.cfg');
    const built = await own.build();
    assert.equal(built.outcomes, 'base built, 10_app built', built.told);
    assert.match(built.output, /installer: inst\.ks=file:\/ks\.cfg inst\.cmdline console=ttyS0$/m);
    assert.match(built.output, /installer: has eth0$/m);
    assert.match(built.output, /^text$/m);
  });

  test('downloads are checked', async () => {
    const sha = (name: string) =>
      createHash('sha256')
        .update(readFileSync(images.path(name)))
        .digest('hex');
    const of = (kernel: string) =>
      `kernel: "${web}/linux", kernel-sha256: ${kernel}, initrd: "${web}/initrd.gz", initrd-sha256: ${sha('initrd.gz')}`;
    await using own = project(of('0'.repeat(64)), 'x');
    const refused = failureOf(await own.build());
    assert.equal(
      refused?.message,
      `the sha256 of the installer's kernel ${web}/linux is not the one in vlb.yaml`,
    );
    own.write({
      'vlb.yaml': `base: { installer: { ${of(sha('linux'))} }, answers: preseed.cfg, size: 96M }\n`,
    });
    const built = await own.build();
    assert.equal(built.outcomes, 'base built, 10_app built', built.told);
  });

  for (const [answers, more, message, hint] of [
    ['reboot', '', /^the installer rebooted/, /exit\/poweroff/],
    ['panic', '', /^the guest panicked: .*Kernel panic/, undefined],
    ['hang', ', timeout: 20s', /^the installer took longer than its timeout, 20 s$/, /timeout/],
    ['nothing', '', /^the installer powered off, and left the disk empty$/, undefined],
  ] as const) {
    test(`an installer that does not end well: ${answers}`, async () => {
      await using own = project(`${files()}${more}`, answers);
      const failure = failureOf(await own.build());
      assert.match(failure?.message ?? '', message);
      assert.equal(failure?.kind, 'work');
      if (hint) assert.match(failure?.hint ?? '', hint);
      assert.deepEqual([leftovers(own), guestsOf(own.directory)], [[], []]);
    });
  }

  test('^C ends the machine', async () => {
    await using own = project(files(), 'hang');
    let sent = false;
    const built = await own.build([], {
      onStdout: (text, kill) => {
        if (sent || !text.includes('installer: waits')) return;
        sent = true;
        kill('SIGINT');
      },
    });
    assert.equal(built.status, 130, built.told);
    assert.deepEqual([leftovers(own), guestsOf(own.directory)], [[], []]);
  });

  test('links of a disc are not followed on this machine', async () => {
    images.run('mkdir', '-p', 'links/install.amd');
    images.run('ln', '-s', '/etc/hostname', 'links/install.amd/vmlinuz');
    images.run('cp', 'initrd.gz', 'links/install.amd/initrd.gz');
    images.run('xorriso', '-as', 'mkisofs', '-quiet', '-r', '-o', 'links.iso', 'links');
    await using own = project(`iso: ${images.path('links.iso')}`, 'x');
    assert.equal(
      failureOf(await own.build())?.message,
      '/install.amd/vmlinuz is not a file in the ISO image',
    );
  });

  test('a disc without an installer, and answers that are not there', async () => {
    images.run('xorriso', '-as', 'mkisofs', '-quiet', '-o', 'other.iso', 'tiny.qcow2');
    await using own = project(`iso: ${images.path('other.iso')}`, 'x');
    assert.match(
      failureOf(await own.build())?.message ?? '',
      /^the disc has no installer where one is expected$/,
    );
    own.write({ 'vlb.yaml': `base: { installer: { ${files()} }, answers: missing.cfg, size: 96M }\n` });
    const missing = failureOf(await own.build());
    assert.equal(missing?.message, 'the file with the answers does not exist');
  });
});
