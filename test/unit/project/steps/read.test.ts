// What a layer.yaml says: its hints, its steps, and what is wrong with it, with file, line and column.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { suite, test } from 'node:test';
import type { LayerStep } from '../../../../src/model/project.ts';
import { VLB_WORDS } from '../../../../src/project/hints/words.ts';
import { discoverLayers } from '../../../../src/project/layers/discover.ts';
import { withParams } from '../../../../src/project/layers/params.ts';
import { type Files, failureIn, PLATFORM, Tree, valueIn } from '../../../rig/tree.ts';

async function read(text: string, files: Files = {}) {
  using tree = new Tree({
    'layers/20_web/layer.yaml': text,
    ...Object.fromEntries(Object.entries(files).map(([name, content]) => [`layers/20_web/${name}`, content])),
  });
  const layers = await discoverLayers(tree.directory, PLATFORM);
  return { tree, layers };
}

async function layerOf(text: string, given: Readonly<Record<string, string>> = {}, files: Files = {}) {
  const { layers } = await read(text, files);
  const [layer] = valueIn(layers);
  assert(layer);
  return valueIn(withParams(layer, new Map(Object.entries(given))));
}

async function stepsOf(...args: Parameters<typeof layerOf>): Promise<readonly LayerStep[]> {
  return (await layerOf(...args)).steps?.all ?? [];
}

/** `MESSAGE at FILE:LINE:COLUMN; HINT` */
async function complaint(text: string, given: Readonly<Record<string, string>> = {}, files: Files = {}) {
  const { tree, layers } = await read(text, files);
  const [layer] = layers.ok ? layers.value : [];
  const failure = failureIn(layer ? withParams(layer, new Map(Object.entries(given))) : layers);
  assert.equal(failure.kind, 'usage');
  const { file = '', line, column } = failure.where ?? {};
  const place = [file.replace(`${tree.directory}/layers/20_web/`, ''), line, column]
    .filter(Boolean)
    .join(':');
  return `${failure.message} at ${place}${failure.hint === undefined ? '' : `; ${failure.hint}`}`;
}

const STEPS = 'steps: [{ run: "true" }]\n';

suite('fields', () => {
  test('every hint but those of disks and guests has one', () => {
    const without = Object.entries(VLB_WORDS).flatMap(([name, { field }]) => (field ? [] : [name]));
    assert.deepEqual(without, ['disk-size', 'wait-for']);
  });

  test('mean what hints mean', async () => {
    const { hints } = await layerOf(
      `
params: { VERSION: 1.10, ROLE: }
secrets: TOKEN
cache-dirs: [/var/cache/apt, /root/.cache]
network: none
timeout: 30m
max-age: 7d
from: 10_base
mount: { 10_base: /srv/base }
chroot-bind-mount: [{ conf: /conf }, { conf: /other }]
chroot-mount: { p2:@home: /home }
root-partition: 2
sector-size: 4096
hostname: web.example.org
fstab: ignore
noshare: true
nocache: false
${STEPS}`,
      { ROLE: 'web' },
      { 'conf/a': '' },
    );
    assert.deepEqual(
      hints.params.map(({ name, default: value }) => [name, value]),
      [
        ['VERSION', '1.10'],
        ['ROLE', undefined],
      ],
    );
    assert.deepEqual(
      hints.secrets.map(({ name }) => name),
      ['TOKEN'],
    );
    assert.deepEqual(hints.cacheDirs, ['/var/cache/apt', '/root/.cache']);
    assert.deepEqual([hints.noNetwork, hints.timeout, hints.maxAge], [true, 1800, 604_800]);
    assert.deepEqual(hints.from, { layer: '10_base', line: 8 });
    assert.deepEqual(hints.layerMounts, [{ layer: '10_base', target: '/srv/base', line: 9 }]);
    assert.deepEqual(
      hints.bindMounts.map(({ target }) => target),
      ['/conf', '/other'],
    );
    assert.deepEqual(hints.partitionMounts, [{ partition: 2, subvolume: '@home', target: '/home' }]);
    assert.deepEqual([hints.rootPartition, hints.sectorSize, hints.hostname], [2, 4096, 'web.example.org']);
    assert.deepEqual([hints.fstab, hints.noshare, hints.nocache], ['ignore', true, false]);
  });

  test('a wrong one is an error with its place', async () => {
    assert.equal(
      await complaint(`tiemout: 5s\n${STEPS}`),
      'unknown field "tiemout" at layer.yaml:1:1; did you mean "timeout"?',
    );
    assert.equal(
      await complaint(`param: A\n${STEPS}`),
      'unknown field "param" at layer.yaml:1:1; use "params"',
    );
    assert.equal(
      await complaint(`timeout: soon\n${STEPS}`),
      'timeout requires a duration like 90s, 30m or 2h at layer.yaml:1:1',
    );
    assert.equal(
      await complaint(`${STEPS}secrets: [a, b/c]\n`),
      'secrets requires a name of letters, digits, dots, dashes and underscores at layer.yaml:2:14',
    );
    assert.equal(
      await complaint(`nocache: yes please\n${STEPS}`),
      'nocache must be true or false at layer.yaml:1:1',
    );
    assert.equal(
      await complaint(`from: scratch\n${STEPS}`),
      'from scratch is only valid in modify-disk: a build-layer requires an existing disk at layer.yaml:1:1',
    );
    assert.match(await complaint(`disk-size: 1G\n${STEPS}`), /^unknown field "disk-size"/);
    assert.equal(
      await complaint(`cache-points: no\n${STEPS}`),
      'cache-points must be true or false at layer.yaml:1:1',
    );
    assert.match(await complaint('steps: [\n'), /^layer\.yaml: .* at layer\.yaml:\d+:\d+$/);
    assert.equal(
      await complaint('timeout: 5s\n'),
      'steps must be a list, like "- install: nginx" at layer.yaml:1:1',
    );
    assert.equal(await complaint(''), 'must be a mapping with "steps" or "system" at layer.yaml:1:1');
  });
});

suite('texts', () => {
  test('have values, and no other syntax of nunjucks', async () => {
    const [write] = await stepsOf(
      'params: { A: x }\nsteps:\n  - write: { path: "/{{ A }}", content: "{#x} {% {# {{ A }} {{ layer }}" }\n',
    );
    assert.deepEqual(write?.args, { path: '/x', content: '{#x} {% {# x 20_web' });
  });

  test('what is used of git is part of the step, and nothing else', async () => {
    using tree = new Tree({
      'layers/20_web/layer.yaml': `steps:
  - write: { path: /etc/branch, content: "{{ git.branch }}" }
  - template: { from: commit.njk, to: /etc/commit }
  - template: { from: plain.njk, to: /etc/plain }
`,
      'layers/20_web/commit.njk': '{{ git.commit }} {% if git.describe %}x{% endif %}',
      'layers/20_web/plain.njk': 'git.commits',
    });
    const git = (...words: readonly string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...words], {
        cwd: tree.directory,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    git('init', '--quiet', '--initial-branch=trunk');
    git('add', '.');
    git('commit', '--quiet', '--message=x');
    const read = async () => {
      const [layer] = valueIn(await discoverLayers(tree.directory, PLATFORM));
      assert(layer);
      return valueIn(withParams(layer, new Map())).steps?.all ?? [];
    };
    const before = await read();
    const commit = git('rev-parse', 'HEAD');
    assert.deepEqual(before[0]?.args, { path: '/etc/branch', content: 'trunk' });
    assert.deepEqual(before[1]?.git, { commit, describe: commit.slice(0, 7) });
    assert.match(before[1]?.text ?? '', new RegExp(commit));
    assert.equal(before[2]?.git, undefined);
    git('commit', '--quiet', '--allow-empty', '--message=y');
    const after = await read();
    assert.deepEqual(
      after.map(({ text }, index) => text === before[index]?.text),
      [true, false, true],
    );
  });

  test('values of git that do not exist', async () => {
    assert.equal(
      await complaint('steps:\n  - write: { path: /x, content: "{{ git.commits }}" }\n'),
      'git.commits does not exist at layer.yaml:2:24; did you mean commit?',
    );
    assert.match(
      await complaint('steps:\n  - write: { path: /x, content: "{{ git.commit }}" }\n'),
      /^the layer uses values of git: fatal: .* at layer\.yaml:2:24$/,
    );
  });
});

suite('steps', () => {
  test('have one verb each, with arguments that fit', async () => {
    assert.match(await complaint('steps:\n  - rnu: x\n'), /^unknown verb "rnu" at layer\.yaml:2:5; /);
    assert.match(
      await complaint('steps:\n  - when: { architecture: x64 }\n'),
      /^the step has no verb at layer\.yaml:2:5; /,
    );
    assert.match(
      await complaint('steps:\n  - run: x\n    include: y\n'),
      /^a step has one verb, and this one has run and include at layer\.yaml:3:5; /,
    );
    assert.match(await complaint('steps:\n  - 5\n'), /^unknown verb "5" at layer\.yaml:2:5; valid verbs: /);
    assert.equal(
      await complaint('steps:\n  - run:\n      commandd: x\n'),
      'unknown field "run.commandd" at layer.yaml:3:7; did you mean "command"?',
    );
    assert.equal(
      await complaint('steps:\n  - run: { user: a }\n'),
      'run.command is missing at layer.yaml:2:5',
    );
    assert.equal(
      await complaint('steps:\n  - run: { command: x, directory: y }\n'),
      'run.directory must be an absolute path in the image at layer.yaml:2:24',
    );
  });

  test('are numbered by their places, and are in the key by their texts', async () => {
    const [first, second] = await stepsOf(
      '# a comment\nsteps:\n  - run: make\n  - { run: { user: a, command: b } }\n',
    );
    assert.equal(first?.text, '{"run":"make"}');
    assert.equal(second?.text, '{"run":{"command":"b","user":"a"}}');
    assert.deepEqual([second?.where.line, second?.where.column], [4, 7]);
  });
});

suite('params', () => {
  const text = `params: { VERSION: '1', ROLE: web }
steps:
  - run: { command: 'echo "$VERSION" {{.Names}}', directory: '/srv/{{ VERSION }}' }
`;

  test('are rendered in texts, and are variables of commands', async () => {
    const [step] = await stepsOf(text, { VERSION: '2' });
    assert.deepEqual(step?.args, { command: 'echo "$VERSION" {{.Names}}', directory: '/srv/2' });
    assert.deepEqual(step?.params, { VERSION: '2', ROLE: 'web' });
  });

  test('that do not exist are errors', async () => {
    assert.equal(
      await complaint(text.replace('/{{ VERSION', '/{{ VERSIONS')),
      '"{{ VERSIONS }}" has no value at layer.yaml:3:51; did you mean VERSION?',
    );
    assert.match(
      await complaint(`params: [A]\n${STEPS}`),
      /^layer 20_web requires a value for its parameter A at layer\.yaml:1/,
    );
  });

  test('never become code', async () => {
    assert.equal(
      await complaint('params: { A: x }\nsteps:\n  - run: echo {{ A }}\n'),
      '{{ A }} in a shell command, where a value could become code at layer.yaml:3:5; use the variable of that name: "$A"',
    );
  });

  test('that are not quoted are explained', async () => {
    assert.match(
      await complaint('steps:\n  - run: { command: x, directory: {{ A }} }\n'),
      /a mapping cannot be the name of a field at layer\.yaml:2:\d+; quote a text/,
    );
  });
});

suite('when', () => {
  test('decides on params and the architecture before anything runs', async () => {
    const text = `params: { ROLE: web }
steps:
  - { run: a, when: { params: { ROLE: [web, db] } } }
  - { run: b, when: { params: { ROLE: mail } } }
  - { run: c, when: { not: { params: { ROLE: web } } } }
  - { run: d, when: { architecture: [amd64, aarch64] } }
  - { run: e, when: { architecture: s390x } }
`;
    const titles = (await stepsOf(text)).map(({ title }) => title);
    assert.deepEqual(titles, ['run a', 'run d']);
    assert.deepEqual(
      (await stepsOf(text, { ROLE: 'mail' })).map(({ title }) => title),
      ['run b', 'run c', 'run d'],
    );
  });

  test('leaves the system of the image to the run, and to the key', async () => {
    const [one, other] = await stepsOf(`params: { A: x }
steps:
  - { run: a, when: { distribution: debian, version: [12, bookworm], params: { A: x } } }
  - { run: b, when: { not: { distribution: rocky, params: { A: y } } } }
`);
    assert.deepEqual(one?.when, [{ not: false, distribution: ['debian'], version: ['12', 'bookworm'] }]);
    assert.match(one?.text ?? '', / when \[/);
    assert.deepEqual(other?.when, []);
  });

  test('wrong conditions are errors', async () => {
    const of = (when: string) => complaint(`params: { A: x }\nsteps:\n  - run: a\n    when: ${when}\n`);
    assert.match(await of('{ distro: debian }'), /^unknown field "when.distro" at layer\.yaml:4:13; /);
    assert.match(
      await of('{ params: { B: x } }'),
      /^when\.params\.B: no such parameter at layer\.yaml:4:23; /,
    );
    assert.match(await of('debian'), /^when must be a mapping/);
    assert.match(await of('{ version: [[1]] }'), /^when\.version must be a text/);
  });
});

suite('include', () => {
  const files = {
    'common.yaml':
      'params: { NAME: none, PORT: }\nsteps:\n  - run: { command: x, directory: "/{{ NAME }}/{{ PORT }}/{{ A }}" }\n',
    'list.yaml': '- run: listed\n',
  };

  test('puts the steps of another file in its place, with params of their own', async () => {
    const steps = await stepsOf(
      `params: { A: a }
steps:
  - run: first
  - include: { file: common.yaml, params: { NAME: '{{ A }}-b', PORT: 80 } }
    when: { distribution: debian }
  - include: ./list.yaml
`,
      {},
      files,
    );
    assert.deepEqual(
      steps.map(({ args }) => args),
      ['first', { command: 'x', directory: '/a-b/80/a' }, 'listed'],
    );
    assert.deepEqual(steps[1]?.params, { A: 'a', NAME: 'a-b', PORT: '80' });
    assert.match(steps[1]?.text ?? '', / with \{"NAME":"a-b","PORT":"80"\} when /);
    assert.match(steps[1]?.where.file ?? '', /common\.yaml$/);
    assert.equal(steps[1]?.where.line, 3);
  });

  test('no step sees the files that describe them', async () => {
    const { steps } = await layerOf('steps:\n  - include: list.yaml\n', {}, files);
    assert.deepEqual(steps?.files, ['layer.yaml', 'list.yaml']);
  });

  test('what cannot be included is an error', async () => {
    const of = (include: string, more: Files = {}) =>
      complaint(`steps:\n  - include: ${include}\n`, {}, { ...files, ...more });
    assert.equal(await of('../x.yaml'), 'the file ../x.yaml is not in the layer at layer.yaml:2:5');
    assert.equal(await of('none.yaml'), 'the file none.yaml does not exist at layer.yaml:2:5');
    assert.equal(
      await of('common.yaml'),
      'include of common.yaml requires a value for its parameter PORT at layer.yaml:2:5; add it: include: { file: common.yaml, params: { PORT: … } }',
    );
    assert.equal(
      await of('a.yaml', { 'a.yaml': '- include: b.yaml\n', 'b.yaml': '- include: a.yaml\n' }),
      'files include each other in a cycle: layer.yaml → a.yaml → b.yaml → a.yaml at b.yaml:1:3',
    );
    assert.match(
      await of('bad.yaml', { 'bad.yaml': '- rum: x\n' }),
      /^unknown verb "rum" at bad\.yaml:1:3; /,
    );
  });
});
