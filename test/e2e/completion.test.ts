// Completion in real shells, as it is typed; and the manual page as man renders it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { REPOSITORY, run, TestProject, VLB } from '../rig/project.ts';
import { Screen } from '../rig/screen.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_app/build-layer': buildLayer('true'),
  'layers/25_apple/build-layer': buildLayer('true'),
  'vlb.yaml': 'images:\n  web: 20_app\n',
  'a.qcow2': '',
  'sub dir/x': '',
};

const SHELLS = {
  bash: {
    start: 'bash --norc --noprofile',
    // With the whole of bash-completion, as most have it.
    load: `. /usr/share/bash-completion/bash_completion; source <(vlb completion bash)`,
  },
  'bash alone': { start: 'bash --norc --noprofile', load: 'source <(vlb completion bash)' },
  zsh: {
    start: 'zsh -f',
    load: 'autoload -Uz compinit && compinit -D; source <(vlb completion zsh)',
  },
};

/** What is typed, and what it is behind a Tab; another key, `x`, shows whether the next word can begin. */
const CASES = [
  ['vlb bu', 'vlb build '],
  ['vlb build --fl', 'vlb build --flatten '],
  ['vlb build --progress j', 'vlb build --progress json '],
  ['vlb build --progress=pl', 'vlb build --progress=plain '],
  ['vlb graph --format d', 'vlb graph --format dot '],
  ['vlb build 1', 'vlb build 10_base '],
  ['vlb build --last=10', 'vlb build --last=10_base '],
  ['vlb build --force=1', 'vlb build --force=10_base '],
  ['vlb why bas', 'vlb why base '],
  ['vlb plan we', 'vlb plan web '],
  ['vlb build 20_app 2', 'vlb build 20_app 25_apple '],
  ['vlb cache ver', 'vlb cache verify '],
  ['vlb store ver', 'vlb store verify '],
  ['vlb cache gc --max-s', 'vlb cache gc --max-size '],
  ['vlb cache gc --re', 'vlb cache gc --remote '],
  ['vlb cache pus', 'vlb cache push '],
  ['vlb cache pull 1', 'vlb cache pull 10_base '],
  ['vlb help hi', 'vlb help hints '],
  ['vlb completion z', 'vlb completion zsh '],
  ['vlb test-boot a.q', 'vlb test-boot a.qcow2 '],
  ['vlb --cache-dir laye', 'vlb --cache-dir layers/'],
  ['vlb -C . build 1', 'vlb -C . build 10_base '],
  ['vlb -C "sub dir/.." build 1', 'vlb -C "sub dir/.." build 10_base '],
] as const;

for (const [shell, { start, load }] of Object.entries(SHELLS)) {
  test(`${shell} completes commands, options, their values, layers and images`, async () => {
    await using project = new TestProject(FILES);
    using screen = await begin(project, start, load);
    for (const [typed, becomes] of CASES) {
      screen.type('C-u');
      screen.type('-l', typed);
      screen.type('Tab');
      screen.type('-l', 'x');
      await screen.waitFor(new RegExp(`^> ${escaped(becomes)}x$`, 'm'), 10);
    }
  });

  test(`${shell} shows what there is, and nothing of what is wrong with the project`, async () => {
    await using project = new TestProject({ ...FILES, 'vlb.yaml': '][', 'layers/30_x/readme': '' });
    using screen = await begin(project, start, load);
    screen.type('-l', 'vlb build ');
    screen.type('Tab', 'Tab');
    const seen = await screen.waitFor(/30_x/, 10);
    assert.match(seen, /10_base +20_app +25_apple +30_x/);
    assert.doesNotMatch(seen, /error/);
  });
}

async function begin(project: TestProject, start: string, load: string): Promise<Screen> {
  const env = { PATH: `${path.dirname(VLB)}:${process.env['PATH']}`, HOME: project.directory };
  const screen = new Screen(start, { columns: 100, rows: 20, cwd: project.directory, env });
  try {
    await screen.waitFor(/[$%#]$/);
    screen.type('-l', `PS1='> '; ${load}; clear; echo ready`);
    screen.type('Enter');
    await screen.waitFor(/^ready$/m, 20);
    return screen;
  } catch (error) {
    screen[Symbol.dispose]();
    throw error;
  }
}

test('candidates come quickly, and without a project', async () => {
  await using project = new TestProject({});
  const ended = await project.vlb(['__complete', 'build', '']);
  assert.deepEqual(ended, { status: 0, stdout: '', stderr: '' });
  const commands = await project.vlb(['__complete', '']);
  assert.match(commands.stdout, /^build\tbuild the image, or layers/m);
});

test('for another shell, the error lists the valid ones', async () => {
  await using project = new TestProject({});
  const ended = await project.vlb(['completion', 'tcsh']);
  assert.equal(ended.status, 2);
  assert.equal(ended.stderr, 'error: shell: invalid value "tcsh"\n  help: valid values: bash, zsh, fish\n');
});

test('the manual page renders without a warning, and has all commands', async () => {
  await using project = new TestProject({});
  const made = await run('npm', ['run', '--silent', 'man', project.path('vlb.1')], { cwd: REPOSITORY });
  assert.equal(made.status, 0, made.stderr);
  const { stdout, stderr } = spawnSync('man', ['--warnings', '-l', project.path('vlb.1')], {
    encoding: 'utf8',
    env: { ...process.env, MANWIDTH: '80', MANPAGER: 'cat', LC_ALL: 'C.UTF-8' },
  });
  assert.equal(stderr, '');
  const help = await project.vlb(['--help']);
  const commands = [...help.stdout.matchAll(/^ {2}vlb ([\w-]+)/gm)].map(([, name]) => name);
  assert.ok(commands.length >= 10);
  for (const name of commands) assert.match(stdout, new RegExp(`^ {3}vlb ${name}\\b`, 'm'));
  assert.match(stdout, /^ {3}vlb store gc/m);
  assert.match(stdout, /-j, --jobs N/);
  assert.match(stdout, /# vlb: max-age TIME/);
});

test('the package installs the manual page', () => {
  const { man, files } = JSON.parse(readFileSync(path.join(REPOSITORY, 'package.json'), 'utf8'));
  assert.equal(man, 'dist/vlb.1');
  assert.ok(files.includes('dist'));
});

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
