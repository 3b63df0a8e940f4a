// New machines that are asked for at the same time.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { openWorkspace } from '../../../src/compose.ts';
import { Consoles } from '../../../src/serve/consoles.ts';
import { JobFiles } from '../../../src/serve/jobs/files.ts';
import { Queue } from '../../../src/serve/jobs/queue.ts';
import { MACHINE_ROUTES } from '../../../src/serve/routes/machines.ts';
import { Answer, type Served } from '../../../src/serve/routes/route.ts';
import { failureIn, PLATFORM, Tree, valueIn } from '../../rig/tree.ts';

const PROFILE = `title: Small
description: nothing but a name
fields: { note: { type: text, text: a note, optional: true } }
layers:
  - steps:
      - { when: note, write: { path: /note, content: "\${note}" } }
      - hostname: small
machine: { disks: [{ image: "\${layer}" }] }
`;

test('each of them is in vlb.yaml, and has layers of its own', async () => {
  using tree = new Tree({ 'p/layers/10_base/modify-disk': '#!/bin/sh\n', 'p/profiles/small.yaml': PROFILE });
  const directory = tree.path('p');
  const open = () => openWorkspace({ directory }, { variables: {}, directory, platform: PLATFORM });
  const files = new JobFiles(tree.path('jobs'), () => true);
  const served: Served = {
    open,
    queue: new Queue(files, 'me', async () => assert.fail('no job was asked for')),
    consoles: new Consoles(),
    remote: 'off',
    readOnly: false,
    profiles: path.join(import.meta.dirname, '../../../profiles'),
    onCreated: () => {},
  };
  const create = MACHINE_ROUTES.find((one) => one.method === 'post' && one.path === '/api/machines');
  const ask = async (machine: string, values = {}) => {
    const body = { profile: 'small', machine, values };
    const { signal } = new AbortController();
    const call = { params: {}, query: {}, body, header: () => undefined, user: undefined, signal };
    const answer = await create?.run(call, served);
    assert.ok(answer && !(answer instanceof Answer));
    return answer;
  };
  const names = ['web', 'db', 'mail', 'files'];
  for (const answer of await Promise.all(names.map((name) => ask(name)))) valueIn(answer);
  const project = valueIn(await open().load());
  assert.deepEqual(
    project.machines.map(({ machine }) => machine.name),
    names,
  );
  assert.deepEqual(
    project.layers.map(({ name }) => name),
    ['10_base', '20_web', '30_db', '40_mail', '50_files'],
  );
  assert.match(failureIn(await ask('web')).message, /exists/);
});
