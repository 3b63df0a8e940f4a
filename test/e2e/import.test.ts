// What vlb import writes is built: from a template of virt-maker, and from a command line of virt-customize.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts of a shell

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers, readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { tinyDisk } from '../rig/tiny.ts';

const TEMPLATE = (url: string) => `params:
  greeting: hello
spec:
  import: { download: { url: ${url} } }
  steps:
    - run: |
        echo "{{ greeting }}" > /greeting
    - copy: { dest: /etc/motd, content: "{{ greeting }}\\n" }
    - boot: {}
`;

/** Each option that the tiny system has the programs for. */
const OPTIONS = [
  ['--mkdir', '/srv/a'],
  ['--write', "/srv/a/it's:it's $(id) {{ x }} ${#x}"],
  ['--append-line', "/srv/a/it's:more"],
  ['--touch', '/srv/a/b'],
  ['--chmod', '0600:/srv/a/b'],
  ['--link', '/srv/a/b:/srv/link'],
  ['--move', "/srv/a/it's:/srv/its"],
  ['--run-command', 'echo "$((6 * 7))" > /ran'],
  ['--delete', '/etc/mo*'],
].flat();

test('a template of virt-maker, and a command line of virt-customize on top', async () => {
  await using origin = new TestProject({ 'layers/10_base/modify-disk': tinyDisk() });
  const flat = await origin.build(['--flatten']);
  assert.equal(flat.status, 0, flat.told);
  const image = readFileSync(origin.path('build/image.qcow2'));
  const server = createServer((_request, response) => response.end(image)).listen(0, '127.0.0.1');
  try {
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo; // a server on a port has this address
    await using project = new TestProject({
      'web.yml': TEMPLATE(`http://127.0.0.1:${port}/tiny.qcow2`),
    });
    const made = await project.vlb(['import', 'virt-maker', 'web.yml']);
    assert.equal(made.status, 0, made.stderr);
    assert.equal(made.stdout, 'layers/10_web/layer.yaml\nvlb.yaml\n');
    assert.match(made.stderr, /not imported: web\.yml:9: boot: /);
    // As the note asks.
    const config = readFileSync(project.path('vlb.yaml'), 'utf8');
    const sha256 = createHash('sha256').update(image).digest('hex');
    writeFileSync(project.path('vlb.yaml'), config.replace(/0{64}/, sha256));

    const added = await project.vlb(['import', 'virt-customize', 'more', '--', ...OPTIONS]);
    assert.equal(added.stdout, 'layers/20_more/layer.yaml\n', added.stderr);

    const built = await project.build(['-p', 'greeting=hi'], { env: { NO_PROXY: '127.0.0.1' } });
    assert.equal(built.outcomes, 'base built, 10_web built, 20_more built', built.told);
    const read = (file: string, layer = '20_more') =>
      readFromImage(project.path(`build/${layer}.qcow2`), path.dirname(project.directory), file);
    assert.equal(read('/greeting'), 'hi\n');
    assert.equal(read('/etc/motd', '10_web'), 'hi\n');
    assert.equal(read('/etc/motd'), undefined);
    assert.equal(read('/srv/its'), "it's $(id) {{ x }} ${#x}\nmore\n");
    assert.equal(read('/srv/link'), '');
    assert.equal(read('/ran'), '42\n');
    assert.deepEqual(leftovers(project), []);
  } finally {
    server.close();
  }
});

test('a kickstart file, with a script that fails and one that must not', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'web.ks': `text
network --hostname=fromkickstart
%post
echo first > /first
false
exit 1
%end
%post --erroronfail --interpreter=/bin/sh
read -r name < /etc/hostname && echo "$name" > /second
%end
`,
  });
  const made = await project.vlb(['import', 'kickstart', 'web.ks']);
  assert.equal(made.status, 0, made.stderr);
  assert.equal(made.stdout, 'layers/20_web/layer.yaml\nlayers/20_web/post\nlayers/20_web/2-post\n');
  assert.match(made.stderr, /^note: web\.ks:1: text: ignored/m);
  const built = await project.build();
  assert.equal(built.outcomes, '10_base built, 20_web built', built.told);
  const scratch = path.dirname(project.directory);
  const image = project.path('build/image.qcow2');
  assert.equal(readFromImage(image, scratch, '/first'), 'first\n');
  assert.equal(readFromImage(image, scratch, '/second'), 'fromkickstart\n');
  assert.deepEqual(leftovers(project), []);
});
