// vlb import virt-maker: what each importer, step and exporter becomes, and what is reported by line.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the shell

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Imported } from '../../../src/import/imported.ts';
import { importTemplate } from '../../../src/import/virt-maker/import.ts';
import { STEPS as KNOWN } from '../../../src/import/virt-maker/steps.ts';
import { configOf, layerOf, literalOf, machine, shown, textOf } from './rig.ts';

const BASE = 'spec:\n  import: { virt-builder: { image: debian-12, size: 6G } }\n';

function tryImport(text: string, files: Readonly<Record<string, string>> = {}) {
  return importTemplate('web.yml', '/ann', machine({ '/ann/web.yml': text, ...files }));
}

function imported(text: string, files?: Readonly<Record<string, string>>): Imported {
  const result = tryImport(text, files);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

/** The steps of a template with these, and the notes on them. */
function withSteps(steps: string, params = '', files?: Readonly<Record<string, string>>) {
  const indented = steps.replaceAll(/^(?=.)/gm, '    ');
  const result = imported(`${params}${BASE}  steps:\n${indented}`, files);
  const layer = layerOf(result, '10_web');
  return {
    result,
    layer,
    steps: layer.steps,
    notes: shown(result.notes).filter((note) => !note.includes(': virt-builder: ')),
  };
}

/** A step of a template, and what it becomes. */
const STEPS: readonly (readonly [given: string, steps: readonly unknown[]])[] = [
  ['- run: yum clean all', [{ run: 'yum clean all' }]],
  ['- run: |\n    date > /etc/build-date\n    cd /srv\n', [{ run: 'date > /etc/build-date\ncd /srv' }]],
  ['- run: |\n    #!/usr/bin/python3\n    print(1)\n', [{ script: './script' }]],
  ['- firstboot: yum update -y', [{ firstboot: { command: 'yum update -y' } }]],
  ['- firstboot: |\n    #!/bin/bash\n    true\n', [{ firstboot: './firstboot' }]],
  ['- install: [vim, nano]', [{ install: { packages: ['vim', 'nano'], recommends: true } }]],
  ['- install:\n    - vim', [{ install: { packages: ['vim'], recommends: true } }]],
  ['- hostname: web', [{ hostname: 'web' }]],
  ['- hostname: 20-my_web', [{ hostname: '20-my-web' }]],
  [
    '- copy: { dest: /etc/motd, content: "hello\\n" }',
    [{ write: { path: '/etc/motd', content: 'hello\n' } }],
  ],
  [
    '- copy: { dest: /etc/motd, content: motd.txt, chmod: 0755, chown: "ann:ann" }',
    [{ copy: { from: './motd.txt', to: '/etc/motd', mode: '0755', owner: 'ann:ann' } }],
  ],
  ['- copy: { dest: /a, content: x, chmod: 644 }', [{ write: { path: '/a', content: 'x', mode: '0644' } }]],
  ['- rootpass: disabled', [{ 'root-password': 'locked' }]],
  ['- rootpass: password:hunter2', [{ 'root-password': { secret: 'password-root' } }]],
  ['- sysprep:', [{ sysprep: 'default' }]],
  ['- selinux: permissive', [{ selinux: 'permissive' }]],
  ['- selinux: relabel', [{ selinux: { relabel: true } }]],
  ['- selinux: { mode: enforcing, relabel: true }', [{ selinux: { mode: 'enforcing', relabel: true } }]],
  [
    '- grub_append: [console=ttyS0, quiet splash]',
    [{ 'kernel-options': ['console=ttyS0', 'quiet', 'splash'] }],
  ],
  ['- ssh_keygen: ann', [{ firstboot: './ssh-keygen.sh' }]],
  ['- inject_qemu_ga: x.iso', [{ 'guest-agent': 'qemu' }]],
  ['- - run: a\n  - - run: b', [{ run: 'a' }, { run: 'b' }]],
];

for (const [given, steps] of STEPS) {
  test(given, () => {
    assert.deepEqual(withSteps(given, '', { '/ann/motd.txt': 'hi\n' }).steps, steps);
  });
}

test('each step of virt-maker has a test', () => {
  const lost = ['boot', 'inject_virtio_win'];
  const tried = STEPS.map(([given]) => /\w+(?=:)/.exec(given)?.[0]);
  assert.deepEqual([...new Set([...tried, ...lost])].sort(), Object.keys(KNOWN).sort());
});

test('what has no equal is reported with its line, and is a comment at its place', () => {
  const { result, notes } = withSteps(
    `- run: a
- boot: { memory: 2048 }
- run: b
- inject_virtio_win: /x.iso
- frobnicate: 1
- run: c
  hostname: d
- selinux: maybe
- copy: { dest: etc, content: x }
- copy: { dest: /etc/a, content: x, chmod: 999 }
- copy: { dest: /etc/a, content: x, color: red }
- hostname: '{{ undefined_name }}'
- rootpass: random
- rootpass: hunter2
- run: [a]
`,
  );
  assert.deepEqual(
    notes.filter((note) => note.startsWith('-')),
    [
      '- web.yml:5: boot: vlb boots no disk while it builds; do the same in a run step, or at the first boot',
      '- web.yml:7: inject_virtio_win: for Windows; vlb builds Linux images',
      '- web.yml:8: frobnicate: unknown step',
      '- web.yml:10: hostname: a step has one name: virt-maker ignores it',
      '- web.yml:11: selinux: must be enforcing, permissive, disabled or relabel',
      '- web.yml:12: copy: dest must be an absolute path',
      '- web.yml:13: copy: chmod must be an octal mode',
      '- web.yml:14: copy: unknown field color',
      '- web.yml:15: hostname: "{{ undefined_name }}" has no value',
      '- web.yml:16: vlb chooses no passwords: set one with a secret',
      '- web.yml:17: rootpass: not a selector of a password',
      '- web.yml:18: run: must be a command line',
    ],
  );
  assert.match(
    textOf(result, 'layers/10_web/layer.yaml'),
    /- run: a\n {2}# not imported: web\.yml:5: boot: [^\n]*\n {2}- run: b\n/,
  );
});

test('params stay params, in texts and in shells', () => {
  const { layer, notes } = withSteps(
    `- hostname: '{{ name }}'
- install: ['php{{php_version}}-fpm']
- run: echo {{ name }} "{{ name }}" '{{ name }}' > /etc/{{ name }}.conf
- copy: { dest: '/etc/{{ name }}', content: 'I am {{ name }}' }
- grub_append: ['host={{ name }}']
`,
    'params: { name: web, php_version: 8.10, unused: x }\n',
  );
  assert.deepEqual(layer.params, { name: 'web', php_version: '8.10' });
  assert.deepEqual(layer.steps, [
    { hostname: '{{ name }}' },
    { install: { packages: ['php{{ php_version }}-fpm'], recommends: true } },
    { run: `echo \${name} "\${name}" ''"\${name}"'' > /etc/\${name}.conf` },
    { write: { path: '/etc/{{ name }}', content: 'I am {{ name }}' } },
    { 'kernel-options': ['host={{ name }}'] },
  ]);
  assert.deepEqual(notes, []);
});

/** A command of the shell, and what it becomes with `name` as a param. */
const COMMANDS: readonly (readonly [given: string, becomes: string, isNoted?: true])[] = [
  ['echo \\"{{ name }}', 'echo \\"${name}'],
  ['echo "it\'s {{ name }}"', 'echo "it\'s ${name}"'],
  ["# don't\necho '{{ name }}'", "# don't\necho ''\"${name}\"''"],
  ['cat <<EOF\n{{ name }}\nEOF', 'cat <<EOF\nweb\nEOF', true],
  ['echo "$(echo \'{{ name }}\')"', 'echo "$(echo \'web\')"', true],
  ['echo {{ name | upper }}', 'echo WEB', true],
  ['echo {{ odd }}', "echo it's; $x", true],
  ['{% for one in all %}touch /{{ one }};{% endfor %}', 'touch /a;touch /b;', true],
  ['echo {{ PATH }}', 'echo mine', true],
  ['echo $HOME {a,b} }}', 'echo $HOME {a,b} }}'],
];

for (const [given, becomes, isNoted] of COMMANDS) {
  test(`run: ${given}`, () => {
    const params = 'params: { name: web, odd: "it\'s; $x", all: [a, b], PATH: mine }\n';
    const { steps, notes } = withSteps(`- run: ${JSON.stringify(given)}`, params);
    assert.deepEqual(steps, [{ run: becomes }]);
    assert.equal(notes.length, isNoted ? 1 : 0, notes.join('\n'));
  });
}

test('a param with underscores is a host name with dashes', () => {
  const { layer, notes } = withSteps("- hostname: 'a_{{ my_name }}'\n", 'params: { my_name: my_web }\n');
  assert.deepEqual(layer, {
    params: { my_name: 'my_web' },
    steps: [{ hostname: "a-{{ my_name | replace('_', '-') }}" }],
  });
  assert.match(notes.join(), /^ {2}web\.yml:5: hostname: underscores are not valid/);
  assert.equal(literalOf(String(layer.steps[0]?.['hostname']), layer.params), 'a-my-web');
});

test('params depend on params and functions, and are evaluated once', () => {
  const params = `params:
  short: '{{ random_hostname() }}'
  full: '{{ short }}.example.org'
  loop: '{{ pool }}'
  pool: '{{ loop }}'
  cores: '{{ nproc() * 2 }}'
`;
  const { layer, notes } = withSteps(
    `- hostname: '{{ full }}'
- run: echo {{ cores }} {{ at_least(100, total_memory()) }} {{ year() }}-{{ month() }}
- run: echo {{ random_word(max_length=5, min_length=5) }} {{ now() }}
- run: echo {{ loop }}
`,
    params,
  );
  assert.deepEqual(layer.params, { full: 'baba-baba.example.org' });
  assert.deepEqual(layer.steps, [
    { hostname: '{{ full }}' },
    { run: 'echo 8 8192 2026-03' },
    { run: 'echo babab 2026-03-04_05-06-07' },
  ]);
  assert.ok(
    notes.includes('  web.yml:3: full: evaluated once, to "baba-baba.example.org"'),
    notes.join('\n'),
  );
  assert.ok(notes.some((note) => /^- web\.yml:\d+: run: the param loop depends on itself$/.test(note)));
});

test('a step may be an expression that is a list of steps', () => {
  const params = 'params:\n  more:\n    - run: a\n    - hostname: b\n  word: c\n';
  const { steps, notes } = withSteps("- '{{ more }}'\n- run: d\n- '{{ word }}'\n", params);
  assert.deepEqual(steps, [{ run: 'a' }, { hostname: 'b' }, { run: 'd' }]);
  assert.deepEqual(notes, ['- web.yml:11: steps: not a step, nor a list of steps']);
});

test('virt-builder becomes a base that is to be created', () => {
  const result = imported(`${BASE}  steps: [{ run: a }]\n`);
  const { base } = configOf(result);
  assert.ok(base?.type === 'file' && base.path.endsWith('/debian-12.qcow2'));
  assert.equal(base.growth?.size, 6 * 1024 ** 3);
  assert.match(
    shown(result.notes)[0] ?? '',
    / {2}web\.yml:2: virt-builder: create the base first, with: virt-builder debian-12 /,
  );
});

test('a download becomes a base with a checksum to fill in, and grows', () => {
  const url = 'https://example.org/a.qcow2';
  const result = imported(
    `params: { size: 10G }\nspec:\n  import: { download: { url: '${url}', resize: { size: '{{ size }}', expand: /dev/sda5, /dev/sda1: 1G } } }\n`,
  );
  const { base } = configOf(result);
  assert.deepEqual(base, {
    type: 'url',
    url,
    sha256: '0'.repeat(64),
    growth: { size: 10 * 1024 ** 3, expand: 5 },
  });
  assert.deepEqual(shown(result.notes), [
    '- web.yml:3: resize: /dev/sda1: vlb grows one partition, that of expand or the last one',
    `  web.yml:3: download: no checksum is given there: put the SHA-256 of the file into vlb.yaml (${url})`,
  ]);
  const local = configOf(imported('spec: { import: { download: { url: "file:///srv/a.qcow2" } } }')).base;
  assert.ok(local?.type === 'file' && local.path === '/srv/a.qcow2');
});

test('importers that vlb does not have are reported, and so is their absence', () => {
  const lost = (text: string) => shown(imported(text).notes).filter((note) => note.startsWith('-'));
  assert.match(
    lost('spec: { import: { isoboot: { isos: [a] } } }')[0] ?? '',
    /web\.yml:1: isoboot: vlb types into no installer/,
  );
  assert.match(lost('spec: { import: { magic: { a: b } } }')[0] ?? '', /import: magic: unknown importer/);
  assert.match(lost('spec: { steps: [] }')[0] ?? '', /import: there is none: set base in vlb\.yaml/);
  assert.match(
    lost('spec: { import: { virt-builder: { image: a, size: big } } }')[0] ?? '',
    /size: big is not a size like 20G/,
  );
  assert.match(lost('spec: { import: { virt-builder: { size: 6G } } }')[0] ?? '', /image is missing/);
  assert.match(
    lost('spec: { import: { download: { url: "https://a/b", resize: { size: 1G, expand: sda } } } }').join(
      '\n',
    ),
    /expand: sda is not a partition/,
  );
  assert.match(
    lost('before: [a.yml]\nspec: { import: { isoboot: {} } }').join('\n'),
    /web\.yml:1: before: a template of its own/,
  );
});

/** An exporter, and the export that it becomes. */
const EXPORTS: readonly (readonly [given: string, order: object])[] = [
  ['qcow2: { path: images/web.qcow2 }', { format: 'qcow2', options: { compression: 'none' } }],
  ['qcow2: { path: a, compress: lz4, create_dir: true, sparsify: true }', { format: 'qcow2', options: {} }],
  ['qcow2: { path: a, compress: xz }', { format: 'qcow2', options: {} }],
  ['qcow2: { path: a, compress: gzip }', { format: 'qcow2', options: { compression: 'zlib' } }],
  ['raw: { path: a }', { format: 'raw', options: {} }],
  ['raw: { path: a, compress: lz4 }', { format: 'raw.zst', options: {} }],
  ['raw: { path: a, compress: xz }', { format: 'raw.xz', options: {} }],
  ['raw: { path: a, compress: gz }', { format: 'raw.gz', options: {} }],
];

for (const [given, expected] of EXPORTS) {
  test(`export: ${given}`, () => {
    const machines = configOf(imported(`${BASE}  export: { ${given} }\n`)).machines;
    const order = machines?.[0]?.machine.exports?.[0];
    assert.deepEqual({ format: order?.format, options: order?.options }, expected);
  });
}

test('scripts of an exporter become hooks, with the disk where they expect it', () => {
  const text = `params: { out: images/my web.qcow2 }
${BASE}  export:
    qcow2:
      path: '{{ out }}'
      level: 3
      pre_script: |
        #!/usr/bin/python3
        print('{{ out }}')
      post_script: du -sh '{{ out }}'
      color: red
`;
  const result = imported(text);
  const order = configOf(result).machines?.[0]?.machine.exports?.[0];
  assert.equal(order?.before, './export/web-qcow2-before');
  assert.equal(
    order?.after,
    `install -D -m 644 "$VLB_EXPORT_DIRECTORY"/web.qcow2 'images/my web.qcow2' && ./export/web-qcow2-after`,
  );
  assert.equal(
    textOf(result, 'export/web-qcow2-before'),
    "#!/usr/bin/python3\nprint('images/my web.qcow2')\n",
  );
  assert.equal(textOf(result, 'export/web-qcow2-after'), "#!/bin/sh\ndu -sh 'images/my web.qcow2'\n");
  assert.deepEqual(
    shown(result.notes).filter((note) => note.startsWith('-')),
    [
      '- web.yml:7: export: qcow2: level: vlb has one level of compression',
      '- web.yml:12: export: qcow2: unknown field color',
    ],
  );
});

test('several exporters are exports of one machine; others are reported', () => {
  const result = imported(
    `${BASE}  export:\n    - qcow2: { path: a }\n    - raw: { path: b }\n    - ova: { path: c }\n    - raw: { path: d, compress: rar }\n`,
  );
  assert.deepEqual(
    configOf(result).machines?.[0]?.machine.exports?.map(({ format }) => format),
    ['qcow2', 'raw'],
  );
  const lost = shown(result.notes).filter((note) => note.startsWith('-'));
  assert.match(
    lost.join('\n'),
    /web\.yml:6: export: ova: unknown exporter\n- web\.yml:7: export: raw: unknown compression rar/,
  );
});

test('from and to are layers before and after, found where virt-maker would be called', () => {
  const files = {
    '/ann/images/web.yml': `params: { name: web }
from: images/base.yml
to: images/final.yml
spec:
  steps: [{ hostname: '{{ name }}' }]
`,
    '/ann/images/base.yml': `params: { name: base, kind: x }
from: images/root.yml
spec:
  import: { virt-builder: { image: a, size: 6G } }
  steps: [{ run: 'echo {{ kind }}' }]
`,
    '/ann/images/root.yml': 'spec: { import: { virt-builder: { image: b } }, steps: [{ run: root }] }\n',
    '/ann/images/final.yml': "spec: { steps: [{ run: final }], export: { raw: { path: '{{ name }}' } } }\n",
  };
  const result = importTemplate('web.yml', '/ann/images', machine(files));
  assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual(
    result.value.files.map((file) => file.path),
    [10, 20, 30, 40]
      .map((n) => `layers/${n}_${['root', 'base', 'web', 'final'][n / 10 - 1]}/layer.yaml`)
      .concat('vlb.yaml'),
  );
  assert.deepEqual(layerOf(result.value, '10_root').steps, [{ run: 'root' }]);
  assert.deepEqual(layerOf(result.value, '20_base'), {
    params: { kind: 'x' },
    steps: [{ run: 'echo ${kind}' }],
  });
  assert.deepEqual(layerOf(result.value, '30_web'), {
    params: { name: 'web' },
    steps: [{ hostname: '{{ name }}' }],
  });
  assert.deepEqual(layerOf(result.value, '40_final').steps, [{ run: 'final' }]);
  const config = configOf(result.value);
  assert.ok(
    config.base?.type === 'file' && config.base.path.endsWith('/a.qcow2'),
    'the nearer importer counts',
  );
  assert.equal(config.machines?.[0]?.machine.disks[0]?.image, '40_final');
  const notes = shown(result.value.notes).join('\n');
  assert.match(notes, /^ {2}web\.yml:2: from: images\/base\.yml is read as base\.yml$/m);
  assert.match(
    notes,
    /^ {2}final\.yml:1: export: raw: web is written to build\/export\/web\/raw\/web\.raw$/m,
  );
});

test('templates that name each other in a cycle, or none, are refused', () => {
  const cycle = tryImport('from: web.yml\nspec: { steps: [] }\n');
  assert.match(cycle.ok ? '' : cycle.failure.message, /from: too many templates: a cycle\?/);
  const none = tryImport('to: other.yml\nspec: {}\n');
  assert.match(none.ok ? '' : none.failure.message, /^web\.yml:1: to: no such file: other\.yml$/);
});

test('local_run is a layer of its own, with the files that it names', () => {
  const result = imported(
    `${BASE}  steps: [{ run: a }, { local_run: 'sh tools/fix.sh --size {{ 1 + 1 }}' }, { run: b }]\n`,
    { '/ann/tools/fix.sh': 'true\n' },
  );
  assert.deepEqual(
    result.files.map((file) => file.path),
    [
      'layers/10_web/layer.yaml',
      'layers/20_local_run/modify-disk',
      'layers/20_local_run/tools/fix.sh',
      'layers/30_web-2/layer.yaml',
      'vlb.yaml',
    ],
  );
  assert.match(
    textOf(result, 'layers/20_local_run/modify-disk'),
    /^#!\/bin\/sh\n[\s\S]*\n\nsh tools\/fix\.sh --size 2\n$/,
  );
  assert.match(shown(result.notes).at(-1) ?? '', /web\.yml:3: local_run: it runs in a copy of the layer/);
});

test('a template without steps has a layer, for a machine to be made from', () => {
  const result = imported(`${BASE}  export: { qcow2: { path: a } }\n`);
  assert.deepEqual(layerOf(result, '10_web').steps, [{ run: 'true' }]);
  assert.equal(configOf(result).machines?.[0]?.machine.disks[0]?.image, '10_web');
});

test('layers and machines have the name of the template', () => {
  const names = ['10-basic.yml', 'x/60-a_b/template.yml', '20 my web.yml', '10-.yml'].map((file) => {
    const result = importTemplate(file, '/ann', machine({ [`/ann/${file}`]: BASE }));
    return result.ok ? result.value.files[0]?.path : '';
  });
  assert.deepEqual(
    names,
    ['basic', 'a_b', '20_my_web', 'image'].map((name) => `layers/10_${name}/layer.yaml`),
  );
});

test('YAML 1.1 with anchors and merges is read, and what is not YAML is refused with its line', () => {
  const { steps } = withSteps(
    "- run: &a 'true'\n- run: *a\n- copy: { <<: &c { dest: /a, content: x }, chmod: 0600 }\n",
  );
  assert.deepEqual(steps.slice(0, 2), [{ run: 'true' }, { run: 'true' }]);
  assert.deepEqual(steps[2], { write: { path: '/a', content: 'x', mode: '0600' } });
  const wrong = tryImport('spec:\n  steps: [\n');
  assert.ok(!wrong.ok);
  assert.equal(wrong.failure.where?.file, '/ann/web.yml');
  assert.ok((wrong.failure.where?.line ?? 0) >= 2);
});

test('what is not a template is refused', () => {
  for (const text of ['- a\n', 'params: {}\n', 'spec: [a]\n', '']) {
    const result = tryImport(text);
    assert.ok(!result.ok);
    assert.match(result.failure.message, /a template of virt-maker must/);
  }
  const none = importTemplate('none.yml', '/ann', machine());
  assert.deepEqual(none.ok ? '' : [none.failure.message, none.failure.where], [
    'no such file',
    { file: '/ann/none.yml' },
  ]);
});
