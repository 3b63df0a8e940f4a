// Layers of steps: what they make, and that an edit costs from the step on that it touches.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { checkFileSystem, leftovers, readFromImage } from '../rig/host-state.ts';
import { pathWithout } from '../rig/machine.ts';
import { type Built, TestProject, VLB } from '../rig/project.ts';
import { Terminal } from '../rig/terminal.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

/** More than a chain of points has before they are merged. */
const MANY = 14;

/** Each leaves its number, and something that is different each time. */
const COUNTED = Array.from({ length: MANY }, (_, index) => counted(index + 1));

/** The second one also leaves so much that a cluster more or less makes no difference. */
function counted(number: number, text = String(number)): string {
  const much = number === 2 ? 'dd if=/dev/urandom of=/much bs=64k count=64; ' : '';
  return `run: '${much}echo ${text} >> /log; cat /proc/sys/kernel/random/uuid > /id${number}'`;
}

function layer(steps: readonly string[], head = ''): string {
  return `${head}steps:\n${steps.map((step) => `  - ${step}\n`).join('')}`;
}

function projectOf(text: string, more: Readonly<Record<string, string>> = {}): TestProject {
  return new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_web/layer.yaml': text,
    ...more,
  });
}

/** The numbers of the steps that ran. */
function ran(built: Built): string {
  return built.events.flatMap((event) => (event.type === 'layer-step' ? [event.index] : [])).join(' ');
}

function inImage(project: TestProject, file: string, image = 'image'): string | undefined {
  return readFromImage(project.path(`build/${image}.qcow2`), path.dirname(project.directory), file);
}

function pointsOf(project: TestProject): readonly string[] {
  return readdirSync(project.path('.vlb/store/points')).filter((name) => name.endsWith('.qcow2'));
}

test('an edit costs from the step on that it touches, and the layer stays one delta', async () => {
  await using project = projectOf(layer(COUNTED));
  const all = COUNTED.map((_, index) => index + 1);
  const first = await project.build();
  assert.equal(first.outcomes, '10_base built, 20_web built', first.told);
  assert.equal(ran(first), all.join(' '));
  assert.match(first.output, /^==> 1\/14 run echo 1 >> \/log/m);
  assert.equal(inImage(project, '/log'), `${all.join('\n')}\n`);
  assert.equal(pointsOf(project).length, MANY);
  const ids = all.map((number) => inImage(project, `/id${number}`));

  // A comment is no part of the layer.
  project.write({ 'layers/20_web/layer.yaml': `# a comment\n${layer(COUNTED)}` });
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_web fresh');

  project.write({ 'layers/20_web/layer.yaml': layer([...COUNTED.slice(0, -1), counted(MANY, 'last')]) });
  const plan = await project.vlb(['plan']);
  assert.match(plan.stdout, /^run {5}20_web {3}settings changed, from step 14\/14$/m);
  const why = await project.vlb(['why', 'web']);
  assert.match(why.stdout, /it begins at step 14\/14 \(run echo last .*\): the step changed/);
  const edited = await project.build();
  assert.equal(ran(edited), String(MANY), edited.told);
  assert.match(edited.output, /^==> begins at the cache point after 13\/14/m);
  assert.equal(inImage(project, '/log'), `${[...all.slice(0, -1), 'last'].join('\n')}\n`);
  assert.deepEqual(
    all.slice(0, -1).map((number) => inImage(project, `/id${number}`)),
    ids.slice(0, -1),
  );
  assert.equal(checkFileSystem(project.path('build/image.qcow2'), path.dirname(project.directory)), '');

  // What the points have is nothing of the layer's.
  const whole = statSync(project.path('build/20_web.qcow2')).size;
  project.write({ 'layers/20_web/layer.yaml': layer(COUNTED, 'cache-points: false\n') });
  const without = await project.build(['--force=20_web']);
  assert.equal(ran(without), all.join(' '), without.told);
  const plain = statSync(project.path('build/20_web.qcow2')).size;
  assert(whole <= 1.05 * plain, `${whole} bytes with cache points, ${plain} without`);
  assert.deepEqual(leftovers(project), []);
});

test('a step that failed is where the next build begins; its state can be looked at', async () => {
  const text = (command: string) => layer([counted(1), `run: ${command}`, counted(3)], 'secrets: [TOKEN]\n');
  await using project = projectOf(text("'cat $VLB_SECRETS/TOKEN; echo half > /half; exit 7'"));
  const secret = ['--secret', 'TOKEN=token'];
  project.write({ token: 'hush-hush' });
  const failed = await project.build(secret);
  const failure = failed.finished?.failure;
  assert.equal(
    failure?.message.replace(/\(.*\)/, '(…)'),
    'layer 20_web: step 2/3 (…) failed with exit status 7',
    failed.told,
  );
  assert.equal(failure?.exitStatus, 7);
  assert.equal(
    path.relative(project.directory, path.resolve(project.directory, failure?.where?.file ?? '')),
    'layers/20_web/layer.yaml',
  );
  assert.deepEqual([failure?.where?.line, failure?.where?.column], [4, 5]);
  assert.deepEqual(failure?.detail, ['***']);
  assert.doesNotMatch(failed.told, /hush-hush/);

  const looked = await project.vlb(['shell', '--failed', 'web', '--', 'cat', '/log', '/half']);
  assert.equal(looked.stdout, '1\nhalf\n', looked.stderr);
  {
    using terminal = new Terminal(project.directory);
    terminal.type(`"${VLB}" shell --failed web --secret TOKEN=token`);
    await terminal.shows(/to run from step 2\/3 \(run cat .*\) on: vlb build 20_web/);
    await terminal.shows(/\[20_web: changes are discarded\] #$/);
    terminal.type('exit');
    await terminal.shows(/\n>$/);
  }

  project.write({ 'layers/20_web/layer.yaml': text('echo 2 >> /log') });
  const mended = await project.build(secret);
  assert.equal(ran(mended), '2 3', mended.told);
  assert.equal(inImage(project, '/log'), '1\n2\n3\n');
  assert.equal(inImage(project, '/half'), undefined);
  assert.deepEqual(leftovers(project), []);
});

test('the time limit is that of all steps together, and the step is named that ran', async () => {
  await using project = projectOf(layer([counted(1), 'run: sleep 600'], 'timeout: 10s\n'));
  const ended = await project.build();
  const { message = '' } = ended.finished?.failure ?? {};
  assert.match(message, /^layer 20_web: step 2\/2 \(run sleep 600\) .*10 s/, ended.told);
  assert.deepEqual(leftovers(project), []);
});

test('a program of the host that a step needs is missing: nothing runs', async () => {
  await using project = projectOf(layer([counted(1), 'ansible: site.yml']), {
    'layers/20_web/site.yml': '- hosts: all\n',
  });
  const bin = pathWithout(project.path('bin'), /^ansible-playbook$/);
  const ended = await project.vlb(['build'], { env: { PATH: bin } });
  assert.equal(ended.status, 3, ended.stderr);
  assert.match(ended.stderr, /ansible-playbook is not installed\n(.*\n)*.*apt-get install ansible/);
  assert.equal(existsSync(project.path('build/10_base.qcow2')), false);
});

test('fault: SIGKILL in a step leaves the cache points of those before it', async () => {
  await using project = projectOf(layer([counted(1), counted(2), 'run: echo waiting; sleep 600']));
  const killed = await project.build([], {
    onStdout: (text, kill) => {
      if (text.includes('"line":"waiting"')) kill('SIGKILL');
    },
  });
  assert.equal(killed.status, null, killed.told);
  project.write({ 'layers/20_web/layer.yaml': layer([counted(1), counted(2), counted(3)]) });
  const built = await project.build();
  assert.equal(ran(built), '3', built.told);
  assert.equal(inImage(project, '/log'), '1\n2\n3\n');
  assert.equal(checkFileSystem(project.path('build/image.qcow2'), path.dirname(project.directory)), '');
  assert.deepEqual(leftovers(project), []);
});

test('a forced build runs all steps; what was over the former bytes is not taken for what is over these', async () => {
  await using project = projectOf(layer([counted(1), counted(2)]), {
    'layers/30_copy/build-layer': buildLayer('cat /id* > /copy'),
  });
  const first = await project.build();
  assert.equal(first.status, 0, first.told);
  const id = inImage(project, '/id1', '20_web');
  assert.equal(inImage(project, '/copy')?.split('\n')[0], id?.trim());
  // Only the first step has another point now.
  project.write({ 'layers/20_web/layer.yaml': layer([counted(1)]) });
  const forced = await project.build(['--force=20_web']);
  assert.equal(ran(forced), '1', forced.told);
  assert.notEqual(inImage(project, '/id1', '20_web'), id);

  project.write({ 'layers/20_web/layer.yaml': layer([counted(1), counted(2), counted(3)]) });
  const again = await project.build();
  assert.equal(ran(again), '2 3', again.told);
  const ids = [1, 2, 3].map((number) => inImage(project, `/id${number}`, '20_web'));
  assert.equal(inImage(project, '/copy'), ids.join(''));
});

test('params, conditions and files of other steps', async () => {
  await using project = projectOf(
    layer(
      [
        'run: \'echo "$VERSION $ROLE" > /params; ls -A > /files\'',
        '{ run: "touch /never", when: { distribution: debian } }',
        '{ run: "touch /tiny", when: { distribution: tiny, not: { params: { ROLE: db } } } }',
        "include: { file: more/common.yaml, params: { NAME: 'x y' } }",
      ],
      "params: { VERSION: '1.10', ROLE: web }\nnetwork: none\n",
    ),
    {
      'layers/20_web/more/common.yaml': 'params: { NAME: }\nsteps:\n  - run: echo "$NAME" > /name\n',
      'layers/20_web/own file': '',
    },
  );
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.equal(inImage(project, '/params'), '1.10 web\n');
  assert.equal(inImage(project, '/files'), 'more\nown file\n');
  assert.equal(inImage(project, '/never'), undefined);
  assert.equal(inImage(project, '/tiny'), '');
  assert.equal(inImage(project, '/name'), 'x y\n');
  assert.equal(ran(built), '1 3 4');

  const shown = await project.vlb(['layer', 'show', 'web']);
  assert.equal(shown.status, 0, shown.stderr);
  assert.match(
    shown.stdout,
    /^#!\/bin\/sh\n# vlb: param VERSION=1\.10\n# vlb: param ROLE=web\n# vlb: network none\nset -eu\n/,
  );
  const converted = await project.vlb(['layer', 'convert', 'web']);
  assert.equal(converted.stdout, 'layers/20_web/build-layer\n', converted.stderr);
  const rebuilt = await project.build();
  assert.equal(rebuilt.outcomes, '10_base fresh, 20_web built', rebuilt.told);
  assert.equal(inImage(project, '/params'), '1.10 web\n');
  assert.equal(inImage(project, '/name'), 'x y\n');
  assert.equal(inImage(project, '/never'), undefined);
});

test('an edit of a file costs from the first step on that reads it', async () => {
  const copies = ['a', 'b', 'c'].map((name) => `copy: { from: ${name}.txt, to: /copied-${name} }`);
  const files = { 'layers/20_web/a.txt': 'a', 'layers/20_web/b.txt': 'b', 'layers/20_web/c.txt': 'c' };
  await using project = projectOf(layer(copies), files);
  const first = await project.build();
  assert.equal(ran(first), '1 2 3', first.told);
  project.write({ 'layers/20_web/b.txt': 'edited' });
  const plan = await project.vlb(['plan']);
  assert.match(plan.stdout, /input changed: \.\/b\.txt, from step 2\/3$/m);
  const edited = await project.build();
  assert.equal(ran(edited), '2 3', edited.told);
  assert.equal(inImage(project, '/copied-b'), 'edited');
  assert.equal(inImage(project, '/copied-a'), 'a');
  project.write({ 'layers/20_web/b.txt': 'b' });
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_web restored');
});

test('zero-free leaves nothing of deleted files on the disk', async () => {
  const steps = ["run: 'echo deleted $((40 + 2)) > /file'", 'delete: /file', 'zero-free: /'];
  await using project = projectOf(layer(steps), {
    'layers/10_base/modify-disk': tinyDisk({ fileSystem: 'ext3' }),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.equal(inImage(project, '/zero-free.tmp'), undefined);
  const points = project.path('.vlb/store/points');
  const found = readdirSync(points)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(path.join(points, name), 'utf8')))
    .map(({ id, title }) => {
      const disk = project.path('disk');
      execFileSync('qemu-img', ['convert', '-O', 'raw', path.join(points, `${id}.qcow2`), disk]);
      return `${title}: ${readFileSync(disk).includes('deleted 42')}`;
    });
  assert.deepEqual(found.toSorted().slice(1), ['2/3 delete /file: true', '3/3 zero-free /: false']);
});
