// `template:` of a base: what vlb published is the base of another project, and that of a third; signatures, mirrors, revisions.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { leftovers, readFromImage } from '../rig/host-state.ts';
import { type Built, TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const KEYS = { own: 'builds@example.org', other: 'stranger@example.org' };

const publisher = (page: string) => ({
  'layers/10_base/modify-disk': tinyDisk({ size: '64M' }),
  'layers/20_page/build-layer': buildLayer('cp page /page'),
  'layers/20_page/page': page,
  'vlb.yaml':
    'machines:\n  web:\n    os: debian12\n    disks: [{ image: 20_page }]\n    template: { name: A web server, notes: With a page }\n',
});

/** A project on a template, which becomes a template itself. */
const consumer = (base: string) => ({
  'layers/10_app/build-layer': buildLayer('cat /page > /app; df -k / | tail -n 1'),
  'vlb.yaml': `base: { ${base} }\nmachines:\n  app:\n    os: debian12\n    disks: [{ image: 10_app }]\n`,
});

describe('templates as bases', () => {
  const projects: TestProject[] = [];
  const make = (files: Readonly<Record<string, string>>) => {
    const project = new TestProject(files);
    projects.push(project);
    return project;
  };
  const environment: Record<string, string> = {};
  let web: TestProject;
  let repository: string;
  let url: string;
  let requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.end(readFileSync(path.join(repository, `.${request.url}`)));
  });
  const gpg = (...args: readonly string[]) =>
    execFileSync('gpg', ['--batch', '--yes', '--quiet', ...args], {
      env: { ...process.env, ...environment },
      encoding: 'utf8',
    });
  const publish = async (project: TestProject, machine: string) => {
    const done = await project.vlb(['publish', machine, '--to', repository, '--sign', KEYS.own], {
      env: environment,
    });
    assert.equal(done.status, 0, done.stderr);
  };
  /** A copy of the repository whose index is changed. */
  const changed = (name: string, change: (index: string) => string) => {
    const directory = web.path(name);
    cpSync(repository, directory, { recursive: true });
    const index = path.join(directory, 'index');
    writeFileSync(index, change(readFileSync(index, 'utf8')));
    return index;
  };

  before(async () => {
    web = make(publisher('first\n'));
    repository = web.path('templates');
    environment['GNUPGHOME'] = web.path('gnupg');
    mkdirSync(web.path('gnupg'), { mode: 0o700 });
    for (const [name, user] of Object.entries(KEYS)) {
      gpg('--passphrase', '', '--quick-generate-key', user, 'ed25519', 'sign', 'never');
      gpg('--output', web.path(`${name}.gpg`), '--export', user);
    }
    await publish(web, 'web');
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo; // a TCP server's address is one
    url = `http://127.0.0.1:${port}/index.asc`;
  });
  after(async () => {
    server.close();
    execFileSync('gpgconf', ['--kill', 'all'], { env: { ...process.env, ...environment } });
    for (const project of projects) await project[Symbol.asyncDispose]();
  });

  const failureOf = (built: Built) => {
    assert.equal(built.status, 2, built.told);
    return built.finished?.failure?.message ?? '';
  };

  test('a published template is the base of what is published again, and the mirror is asked once', async () => {
    requests = [];
    const keyring = `keyring: ${web.path('own.gpg')}`;
    const app = make(consumer(`template: web, source: ${url}, ${keyring}, size: 128M`));
    const built = await app.build();
    assert.equal(built.outcomes, 'base built, 10_app built', built.told);
    const [, kilobytes] = /^\S+ +(\d+) /m.exec(built.output) ?? [];
    assert.ok(Number(kilobytes) > 100_000, `it has grown: ${built.output}`);
    assert.deepEqual(requests, ['/index.asc', '/index.asc', '/web.x86_64.1.xz']);
    for (const _ of [1, 2]) assert.equal((await app.build()).outcomes, 'base fresh, 10_app fresh');
    assert.equal(requests.length, 3);
    assert.deepEqual(leftovers(app), []);

    await publish(app, 'app');
    const third = make(consumer(`template: app, source: ${path.join(repository, 'index')}`));
    const again = await third.build();
    assert.equal(again.outcomes, 'base built, 10_app built', again.told);
    const scratch = path.dirname(third.directory);
    const image = third.path('build/image.qcow2');
    assert.equal(readFromImage(image, scratch, '/page'), 'first\n');
    assert.equal(readFromImage(image, scratch, '/app'), 'first\n');
  });

  test('the key of the index is known to gpg, by its fingerprint', async () => {
    const [, fingerprint = ''] =
      /^fpr:+([0-9A-F]{40}):/m.exec(gpg('--list-keys', '--with-colons', KEYS.own)) ?? [];
    const app = make(consumer(`template: web, source: "${url}", fingerprint: ${fingerprint.toLowerCase()}`));
    const built = await app.build([], { env: environment });
    assert.equal(built.outcomes, 'base built, 10_app built', built.told);
    app.write(consumer(`template: web, source: "${url}", fingerprint: ${'7'.repeat(40)}`));
    assert.match(
      failureOf(await app.build([], { env: environment })),
      /^the key 7{40} is not in the keyring of gpg$/,
    );
  });

  test('what is not signed, or not what the index says, is not used', async () => {
    const app = make({});
    const refused = async (base: string) => {
      app.write(consumer(base));
      const built = await app.build();
      assert.deepEqual(leftovers(app), []);
      return failureOf(built);
    };
    const asc = path.join(repository, 'index.asc');
    const other = `keyring: ${web.path('other.gpg')}`;
    const keyring = `keyring: ${web.path('own.gpg')}`;
    assert.equal(await refused(`template: web, source: ${asc}, ${other}`), 'the signature is not valid');
    const index = path.join(repository, 'index');
    assert.equal(await refused(`template: web, source: ${index}, ${keyring}`), 'the signature is not valid');
    changed('appended', String);
    const appended = web.path('appended/index.asc');
    const signed = readFileSync(appended, 'utf8');
    appendFileSync(appended, '\n[web2]\narch=x86_64\nfile=x\nsize=1\n');
    assert.match(
      await refused(`template: web2, source: ${appended}, ${keyring}`),
      /^there is no template web2 /,
    );
    writeFileSync(appended, signed.replace('revision=1', 'revision=2'));
    assert.equal(
      await refused(`template: web, source: ${appended}, ${keyring}`),
      'the signature is not valid',
    );

    const revoked = 'revoked@example.org';
    gpg('--passphrase', '', '--quick-generate-key', revoked, 'ed25519', 'sign', 'never');
    gpg('-u', revoked, '--output', appended, '--clear-sign', index);
    const [, key = ''] = /^fpr:+([0-9A-F]{40}):/m.exec(gpg('--list-keys', '--with-colons', revoked)) ?? [];
    const revocation = readFileSync(web.path('gnupg/openpgp-revocs.d', `${key}.rev`), 'utf8');
    writeFileSync(web.path('revocation'), revocation.replace(/^:/m, ''));
    gpg('--output', web.path('valid.gpg'), '--export', revoked);
    gpg('--import', web.path('revocation'));
    gpg('--output', web.path('revoked.gpg'), '--export', revoked);
    const signedBy = (keys: string) => `template: web2, source: ${appended}, keyring: ${web.path(keys)}`;
    assert.match(await refused(signedBy('valid.gpg')), /^there is no template web2 /);
    assert.equal(await refused(signedBy('revoked.gpg')), 'the signature is not valid');

    changed('damaged', String);
    appendFileSync(web.path('damaged/web.x86_64.1.xz'), 'x');
    assert.match(
      await refused(`template: web, source: ${web.path('damaged/index')}`),
      /^the sha512 of the base image \S+\/damaged\/web\.x86_64\.1\.xz is not the one in \S+\/damaged\/index$/,
    );
    const bare = changed('bare', (text) => text.replace(/^checksum.*\n/gm, ''));
    assert.equal(await refused(`template: web, source: ${bare}`), 'the template web has no checksum');
    const lvm = changed('lvm', (text) => text.replace(/^expand=/gm, 'lvexpand=/dev/vg/root\nexpand='));
    assert.match(await refused(`template: web, source: ${lvm}, size: 1G`), /logical volume, \/dev\/vg\/root/);
    const arm = changed('arm', (text) => text.replace(/^arch=.*/gm, 'arch=riscv64'));
    assert.match(await refused(`template: web, source: ${arm}`), /not for this machine's processor, x86_64$/);
    app.write(consumer(`template: wep, source: ${index}`));
    const unknown = await app.build();
    assert.match(failureOf(unknown), /^there is no template wep in \S+$/);
    assert.equal(unknown.finished?.failure?.hint, 'did you mean web?');
  });

  test('sources have names, and templates are listed with their notes', async () => {
    const index = path.join(repository, 'index');
    const app = make({
      ...consumer('template: web, source: house'),
      'layers/10_app/build-layer': buildLayer('cat /page'),
    });
    app.write({
      'vlb.yaml': `base: { template: web, source: house }\nsources:\n  house: ${index}\n  far:\n    index: ${url}\n    keyring: ${web.path('other.gpg')}\n`,
    });
    const built = await app.build();
    assert.equal(built.outcomes, 'base built, 10_app built', built.told);
    const far = await app.vlb(['templates']);
    assert.equal(far.status, 2);
    assert.match(far.stderr, /^error: the signature is not valid\n {2}at http:\/\/127/);

    app.write({ 'vlb.yaml': `base: { template: web, source: ${index} }\n` });
    const listed = await app.vlb(['templates']);
    assert.match(listed.stdout, /^web +x86_64 +64\.0? ?MiB +\S+\/index +A web server$/m, listed.stderr);
    const shown = await app.vlb(['templates', 'web']);
    assert.match(shown.stdout, /^web\n[\s\S]*^ {2}system +debian12\n[\s\S]*^ {2}With a page$/m);
    const json = JSON.parse((await app.vlb(['templates', '--json'])).stdout);
    assert.equal(json[0].notes, 'With a page');
  });

  test('a new revision is taken on request, and no mirror is needed until then', async () => {
    const app = make(consumer(`template: web, source: "${url}", checksums-only: true`));
    const first = await app.build();
    assert.equal(first.outcomes, 'base built, 10_app built', first.told);
    assert.ok(
      first.events.some(
        (event) => event.type === 'note' && /is used without a signature$/.test(event.message),
      ),
    );
    web.write({ 'layers/20_page/page': 'second\n' });
    await publish(web, 'web');
    assert.equal((await app.build()).outcomes, 'base fresh, 10_app fresh');
    const forced = await app.build(['--force=base']);
    assert.equal(forced.outcomes, 'base built, 10_app built', forced.told);
    const image = app.path('build/image.qcow2');
    assert.equal(readFromImage(image, path.dirname(app.directory), '/app'), 'second\n');

    server.close();
    server.closeAllConnections();
    rmSync(app.path('build'), { recursive: true });
    const away = await app.build();
    assert.equal(away.outcomes, 'base fresh, 10_app restored', away.told);
  });
});
