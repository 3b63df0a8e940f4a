// What the examples of each verb compile to, as compiled/<verb>.txt has it: cache points and keys have the version of a verb, so
// a change of these texts without a new version would take old results for new ones.
// A new or changed verb: VLB_UPDATE=1 writes the texts anew.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { parseDocument, visit } from 'yaml';
import { distributionOf } from '../../../src/distro/distribution.ts';
import { ok, type Result } from '../../../src/model/failure.ts';
import { VERBS } from '../../../src/steps/registry.ts';
import { renderTemplate } from '../../../src/steps/render.ts';
import type { Compiled, LayerFiles, Step } from '../../../src/steps/verb.ts';
import { attempt } from '../../../src/util/errors.ts';

const SYSTEMS = {
  'debian 12': 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n',
  'rocky 9': 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n',
};

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKaE4VZ1vJqXf0Gm4Ww6mC2n9yYbqvXk7m3c2r1zQ5pT ann\n';

/** A layer that has every file that a pattern asks for. */
const FILES: LayerFiles = {
  read: (file) => ok(Buffer.from(file.endsWith('.pub') ? KEY : `content of ${file}\n`)),
  match: (patterns) =>
    patterns.map((pattern) => ({
      path: pattern.replaceAll('**/', '').replaceAll('*', 'a').replace(/\/$/, ''),
      type: pattern.endsWith('/') ? 'directory' : 'file',
    })),
};

suite('compiled examples', () => {
  for (const verb of VERBS) {
    test(verb.name, () => {
      const text = [
        `version ${verb.version}`,
        ...verb.examples.flatMap((example) => [`## ${example}`, ...inEachSystem(stepOf(verb, example))]),
      ].join('\n');
      const file = path.join(import.meta.dirname, 'compiled', `${verb.name}.txt`);
      if (process.env['VLB_UPDATE'] !== undefined) writeFileSync(file, text);
      const pinned = attempt(() => readFileSync(file, 'utf8'));
      assert.equal(
        text,
        pinned,
        `"${verb.name}" compiles to something else: raise the version of the verb if a release had it, then VLB_UPDATE=1 npm run test:unit`,
      );
    });
  }
});

function stepOf(verb: (typeof VERBS)[number], example: string): Step {
  const value = readExample(example);
  assert(typeof value === 'object' && value !== null && Object.keys(value).join() === verb.name, example);
  const made = verb.step(Object.values(value)[0]);
  assert(made.ok, `${example}: ${made.ok ? '' : made.issues[0]?.message}`);
  return made.step;
}

/** Numbers are their texts, as in the reader of layers. */
function readExample(example: string): unknown {
  const document = parseDocument(example);
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'number') node.value = node.source;
    },
  });
  return document.toJS();
}

function inEachSystem(step: Step): string[] {
  const texts = Object.entries(SYSTEMS).map(([name, release]) => ({ name, text: shownIn(release, step) }));
  const [first] = texts;
  return first && texts.every(({ text }) => text === first.text)
    ? [first.text]
    : texts.flatMap(({ name, text }) => [`### ${name}`, text]);
}

function shownIn(release: string, step: Step): string {
  const params = { VERSION: '1.4' };
  const compiled: Result<Compiled> = step.compile({
    distribution: distributionOf(release),
    architecture: 'x64',
    layer: '20_web',
    params,
    files: FILES,
    render: (text) => renderTemplate(text, { ...params, layer: '20_web' }),
  });
  return compiled.ok ? `${compiled.value.shell}\n` : `not possible: ${compiled.failure.message}\n`;
}
