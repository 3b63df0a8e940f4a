#!/usr/bin/env node
// What one layer costs all told when its script does nothing: from the empty delta to the commit, on the fuse backend.
// Prints a table and asserts nothing. Usage: bin/with-node node bench/trivial-layer.mjs [RUNS]

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildLayer, tinyDisk } from '../test/rig/tiny.ts';

const vlb = fileURLToPath(new URL('../bin/vlb', import.meta.url));
const runs = Number(process.argv[2] ?? 15);
const project = mkdtempSync(path.join(tmpdir(), 'vlb-bench-'));

try {
  script('10_base/modify-disk', tinyDisk());
  script('20_true/build-layer', buildLayer('true'));
  build();
  const layer = [];
  const whole = [];
  for (let run = 0; run < runs; run++) {
    script('20_true/build-layer', buildLayer('true', `# ${run}`));
    const begun = performance.now();
    const events = build();
    whole.push((performance.now() - begun) / 1000);
    layer.push(events.find((event) => event.layer === '20_true' && event.outcome === 'built').seconds);
  }
  process.stdout.write(
    `a layer whose script is \`true\`, ${runs} runs, seconds        min  median     max\n`,
  );
  process.stdout.write(row('the layer, from its start to its commit', layer));
  process.stdout.write(row('the whole of vlb build', whole));
} finally {
  rmSync(project, { recursive: true, force: true });
}

function build() {
  const { status, stdout, stderr } = spawnSync(vlb, ['-C', project, 'build', '--progress', 'json'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`vlb build ended with ${status}: ${stdout}${stderr}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function script(name, text) {
  const file = path.join(project, 'layers', name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

function row(name, seconds) {
  const sorted = seconds.toSorted((a, b) => a - b);
  const figures = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  return `  ${name.padEnd(44)}${figures.map((figure) => figure.toFixed(3).padStart(8)).join('')}\n`;
}
