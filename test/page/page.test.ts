// The page of vlb serve in a real Chromium, as a user who does not type: builds, failures, exports, the store.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { diskThatEchoes } from '../rig/boot/boot-sector.ts';
import { button, checkView, link, state, TestBrowser } from '../rig/browser.ts';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { Serving } from '../rig/serving.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const BASE = { 'layers/10_base/modify-disk': tinyDisk() };

test('the address with the token opens the page; without it, a token is asked for', async () => {
  await using project = new TestProject(BASE);
  await using server = await Serving.start(project);
  await using browser = await TestBrowser.start();
  const page = await browser.open(server);
  await page.getByRole('heading', { name: 'project' }).waitFor();
  assert.ok(!page.url().includes(server.token), 'the token is not left in the address');
  await page.reload();
  await page.getByRole('heading', { name: 'project' }).waitFor();
  await button(page, 'Log out').click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  assert.deepEqual(browser.takeWrong(), []);

  const stranger = await browser.open(server, server.url.origin);
  await stranger.getByRole('heading', { name: 'Log in' }).waitFor();
  await checkView(stranger, 'log-in');
  await stranger.getByLabel('Token').fill('wrong');
  await button(stranger, 'Log in').click();
  await stranger.getByText('the token is wrong').waitFor();
  await stranger.getByLabel('Token').fill(server.token);
  await stranger.keyboard.press('Enter');
  await stranger.getByRole('heading', { name: 'project' }).waitFor();
  // The browser itself reports each 401.
  assert.deepEqual(
    browser.takeWrong().filter((text) => !text.includes('401')),
    [],
  );
});

test('a build is begun, watched live, cancelled, and done again; two see the same', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer(
      "printf '\\033[31mred <b>text</b>\\033[0m\\n'; cat word; sleep 600",
    ),
    'layers/20_app/word': 'slow\n',
  });
  await using server = await Serving.start(project);
  await using browser = await TestBrowser.start();
  const page = await browser.open(server);
  await button(page, 'Build all').click();
  await page.getByRole('heading', { name: 'Build of all layers' }).waitFor();
  await page.locator('.xterm-rows', { hasText: '20_app | red <b>text</b>' }).waitFor();
  await page.locator('.xterm-rows', { hasText: 'slow' }).waitFor();
  await page.getByRole('row', { name: /20_app running run/ }).waitFor();
  await checkView(page, 'build-running');
  const other = await browser.open(server);
  await link(other, 'A build is running').click();
  await other.locator('.xterm-rows', { hasText: 'slow' }).waitFor();
  await page.reload();
  await page.locator('.xterm-rows', { hasText: '20_app | red <b>text</b>' }).waitFor();

  await button(page, 'Cancel').click();
  await state(page, 'cancelled');
  await state(other, 'cancelled');
  project.write({ 'layers/20_app/build-layer': buildLayer('cat word') });
  await button(page, 'Do it again').click();
  await state(page, 'done');
  await page.getByRole('row', { name: /20_app built/ }).waitFor();
  await page.getByRole('searchbox').fill('slow');
  await button(page, 'Find').click();
  await page.locator('.xterm-selection div').first().waitFor();
  await checkView(page, 'build-done');
  await link(page, 'Overview').click();
  await page.getByText('2 layers: 2 fresh').waitFor();
  assert.deepEqual(browser.takeWrong(), []);
  assert.deepEqual(leftovers(project), []);
});

test('a connection that is lost is made again, and nothing is missing', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('for n in $(seq 1 60); do echo "line $n;"; sleep 0.1; done'),
  });
  await using server = await Serving.start(project);
  await using browser = await TestBrowser.start();
  const page = await browser.open(server);
  let requests = 0;
  await page.route('**/api/jobs/*/events', async (route) => {
    if (requests++ > 0) return route.continue();
    // The first time, the answer ends after some lines.
    const [, id = ''] = /jobs\/(.*)\/events/.exec(route.request().url()) ?? [];
    const { events } = await server.events(id, undefined, (some) => some.length > 20);
    const body = events
      .map(({ id: place, event }) => `id: ${place}\ndata: ${JSON.stringify(event)}\n\n`)
      .join('');
    await route.fulfill({ status: 200, contentType: 'text/event-stream', body });
  });
  await button(page, 'Build all').click();
  await page.getByText('The connection is lost').waitFor();
  await state(page, 'done');
  assert.equal(requests, 2);
  await button(page, 'Do it again').waitFor();
  await page.locator('.xterm-rows', { hasText: 'line 60;' }).waitFor();
  const seen = await page.locator('.xterm-rows').innerText();
  const numbers = [...seen.matchAll(/line (\d+);/g)].map(([, number]) => Number(number));
  assert.deepEqual(
    numbers,
    numbers.map((_number, index) => (numbers[0] ?? 0) + index),
  );
  assert.ok(numbers.length > 20);
});

test('a failure is shown with what was printed, the script, the log, and why the layer has to run', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('echo "this is <i>wrong</i>"; exit 3'),
  });
  await using server = await Serving.start(project);
  await using browser = await TestBrowser.start();
  const page = await browser.open(server);
  await button(page, 'Build 20_app').click();
  await state(page, 'failed');
  await page.getByRole('alert').getByText('build-layer failed with exit status 3').waitFor();
  await page.getByRole('alert').getByText('this is <i>wrong</i>').waitFor();
  await checkView(page, 'build-failed');
  await link(page, 'See 20_app with its script and log').click();
  await page.getByRole('heading', { name: '20_app', exact: true }).waitFor();
  await state(page, 'failed');
  await page.getByText('20_app has to run: it was never built here').waitFor();
  await page.locator('.script li', { hasText: 'exit 3' }).waitFor();
  await page.locator('.xterm-rows', { hasText: 'this is <i>wrong</i>' }).waitFor();
  await checkView(page, 'layer-failed');
  project.write({ 'layers/20_app/build-layer': buildLayer('echo app > /app') });
  await page.reload();
  await button(page, 'Build').click();
  await state(page, 'done');
  await page.goto(`${server.url.origin}/#/layers/20_app`);
  await button(page, 'Compare with the parent').click();
  await page.locator('.files li', { hasText: '/app' }).waitFor();
  await checkView(page, 'layer-compared');
  assert.deepEqual(browser.takeWrong(), []);
});

test('a machine is exported, downloaded, compared and removed; the store is looked at', async () => {
  await using project = new TestProject({
    ...BASE,
    'vlb.yaml': 'machines:\n  box: { disks: [{ image: 10_base }], exports: [qcow2] }\n',
  });
  await using server = await Serving.start(project);
  await using browser = await TestBrowser.start();
  const page = await browser.open(server);
  await button(page, 'Export box').click();
  await state(page, 'done');
  await page.getByRole('row', { name: /box as qcow2 written/ }).waitFor();
  await link(page, 'Exports').click();
  const download = page.waitForEvent('download');
  await link(page, 'box.qcow2').click();
  const bytes = readFileSync(await (await download).path());
  assert.deepEqual(bytes, readFileSync(project.path('build/export/box/qcow2/box.qcow2')));
  await page.getByText(createHash('sha256').update(bytes).digest('hex')).waitFor();
  await page.locator('input[value="raw.gz"]').check();
  await checkView(page, 'exports');
  await button(page, 'Export').click();
  await state(page, 'done');
  await link(page, 'Exports').click();
  await button(page, 'Remove box as qcow2').click();
  await button(page, 'Keep').click();
  await button(page, 'Remove box as qcow2').click();
  await checkView(page, 'exports-question');
  await button(page, 'Remove').last().click();
  await page.getByRole('heading', { name: 'box as qcow2' }).waitFor({ state: 'detached' });
  await page.getByRole('heading', { name: 'box as raw.gz' }).waitFor();
  await link(page, 'Store').click();
  await button(page, 'See what can go').click();
  await page.getByText('Nothing is over the limits.').waitFor();
  await checkView(page, 'store');
  await button(page, 'Verify').click();
  await state(page, 'done');
  await link(page, 'Jobs').click();
  await page.getByRole('link', { name: 'Verification of the store' }).waitFor();
  await checkView(page, 'jobs');
  assert.deepEqual(browser.takeWrong(), []);
});

test('a machine is made from a profile of the project: its files are shown, written, and built', async () => {
  await using project = new TestProject({
    ...BASE,
    'profiles/tiny.yaml': `title: Tiny
description: A tiny machine with a greeting.
fields:
  greeting: { type: text, text: Greeting, default: hello }
  formats: { type: formats, text: Exports, default: [qcow2] }
layers:
  - steps:
      - write: { path: /etc/motd, content: "\${greeting}" }
machine:
  disks: [{ image: "\${layer}" }]
  exports: \${formats}
`,
  });
  await using server = await Serving.start(project);
  await using browser = await TestBrowser.start();
  const page = await browser.open(server);
  await link(page, 'New machine').click();
  await page.getByLabel('Profile').selectOption({ label: 'Web server' });
  await page.getByLabel('Text of its first page').waitFor();
  await checkView(page, 'new-machine');
  await page.getByLabel('Profile').selectOption({ label: 'Tiny (of this project)' });
  await page.getByLabel('Name of the machine').fill('box');
  await page.getByLabel('Greeting').fill('<b>good</b> {{ morning');
  await button(page, 'See the files').click();
  await page.getByText('greeting: one line, without {{').waitFor();
  await page.getByLabel('Greeting').fill('<b>good</b> morning');
  await button(page, 'See the files').click();
  await page.getByRole('heading', { name: 'layers/20_box/layer.yaml' }).waitFor();
  await page.getByText('content: <b>good</b> morning').waitFor();
  assert.deepEqual(readdirSync(project.path('layers')), ['10_base'], 'nothing is written yet');
  await checkView(page, 'new-machine-files');
  await button(page, 'Save as a profile').click();
  await page.getByText('Saved as profiles/box.yaml.').waitFor();
  await button(page, 'Write them').click();
  await page.getByRole('heading', { name: 'box', exact: true }).waitFor();
  await button(page, 'Build box').click();
  await state(page, 'done');
  const motd = await project.vlb(['shell', 'box', '--', 'cat', '/etc/motd']);
  assert.match(motd.stdout, /<b>good<\/b> morning/, motd.stderr);
  await link(page, 'New machine').click();
  await page.getByLabel('Profile').selectOption({ label: 'box (of this project)' });
  assert.equal(await page.getByLabel('Greeting').inputValue(), '<b>good</b> morning');
  assert.deepEqual(
    browser.takeWrong().filter((text) => !text.includes('400')),
    [],
  );
});

test('a machine is tried: it boots, what is typed comes back, and it is ended', async () => {
  await using project = new TestProject({
    'layers/10_app/modify-disk': '#!/bin/sh\n# vlb: disk-size 1M\n:\n',
    'vlb.yaml': 'base: guest.img\nmachines:\n  box: { disks: [{ image: 10_app }], memory: 128M }\n',
  });
  writeFileSync(project.path('guest.img'), diskThatEchoes());
  await using server = await Serving.start(project);
  await using browser = await TestBrowser.start();
  const page = await browser.open(server);
  await button(page, 'Try box').click();
  await page.getByRole('alert').getByText('to boot').waitFor();
  await button(page, 'Build box').click();
  await state(page, 'done');
  await link(page, 'Overview').click();
  await button(page, 'Try box').click();
  await page.getByRole('heading', { name: 'Console of box' }).waitFor();
  await page.locator('.xterm-rows', { hasText: '>' }).waitFor();
  await page.locator('.xterm-helper-textarea').pressSequentially('hello <b>machine</b>', { delay: 20 });
  await page.locator('.xterm-rows', { hasText: 'hello <b>machine</b>' }).waitFor();
  await checkView(page, 'console');
  await page.reload();
  await page.locator('.xterm-rows', { hasText: 'hello <b>machine</b>' }).waitFor();
  const start = () => server.ask('/api/consoles', { method: 'POST', body: { machine: 'box' } });
  assert.equal((await start()).status, 200);
  assert.match((await start()).text, /2 machines are running/);
  for (const machine of ['guest.img', '../project/guest.img', project.path('guest.img'), 'no']) {
    assert.equal(
      (await server.ask('/api/consoles', { method: 'POST', body: { machine } })).status,
      404,
      machine,
    );
  }
  await button(page, 'End the machine').click();
  await page.getByText('The machine has ended.').waitFor();
  assert.deepEqual(
    browser.takeWrong().filter((text) => !/400|404/.test(text)),
    [],
  );
  assert.equal(await server.end(), 143);
  assert.deepEqual(leftovers(project), []);
});

test('--read-only has no button that writes', async () => {
  await using project = new TestProject({
    ...BASE,
    'vlb.yaml': 'machines:\n  box: { disks: [{ image: 10_base }], exports: [qcow2] }\n',
  });
  assert.equal((await project.vlb(['export'])).status, 0);
  await using server = await Serving.start(project, ['--read-only']);
  await using browser = await TestBrowser.start();
  const page = await browser.open(server);
  const harmless = [
    'Skip to the content',
    'Log out',
    'See what can go',
    'Find',
    'Compare with the parent',
    'See the files',
  ];
  for (const [address, shown] of [
    ['', 'This server shows the project and changes nothing.'],
    ['exports', 'box as qcow2'],
    ['store', 'Caches of layers'],
    ['new', 'Name of the machine'],
    ['layers/10_base', 'layers/10_base/modify-disk'],
  ] as const) {
    await page.goto(`${server.url.origin}/#/${address}`);
    await page.getByText(shown).first().waitFor();
    await page.waitForTimeout(1000); // until everything that could come has come
    const names = await page.getByRole('button').allInnerTexts();
    assert.deepEqual(
      names.filter((name) => !harmless.includes(name)),
      [],
      address,
    );
  }
  assert.deepEqual(browser.takeWrong(), []);
});

test('a hundred layers are painted within a second, on a phone in the dark as well, and by keyboard', async (t) => {
  const layers = Array.from({ length: 99 }, (_, index) => [
    `layers/${index + 11}_layer/build-layer`,
    buildLayer('true'),
  ]);
  await using project = new TestProject({ ...BASE, ...Object.fromEntries(layers) });
  await using server = await Serving.start(project);
  await using browser = await TestBrowser.start();
  const first = await browser.open(server);
  await first.getByText('100 layers: 100 to run').waitFor();
  await checkView(first, 'hundred');
  const begun = performance.now();
  await first.reload({ waitUntil: 'commit' });
  await first.getByText('100 layers: 100 to run').waitFor();
  const taken = performance.now() - begun;
  t.diagnostic(`${taken.toFixed(0)} ms`);
  assert.ok(taken < 1000, `${taken} ms`);

  const phone = await browser.open(server, server.url.href, { width: 360, dark: true });
  await phone.getByText('100 layers: 100 to run').waitFor();
  await checkView(phone, 'phone');
  await phone.keyboard.press('Shift+Tab');
  for (let presses = 0; presses < 12; presses++) {
    const focused = await phone.evaluate('document.activeElement.textContent');
    if (focused === 'Exports') break;
    await phone.keyboard.press('Shift+Tab');
  }
  await phone.keyboard.press('Enter');
  await phone.getByRole('heading', { name: 'Exports' }).waitFor();
  await phone.waitForFunction("document.activeElement.tagName === 'H1'");
  await phone.locator('input[value="ova"]').waitFor();
  await checkView(phone, 'phone-exports');
  for (const address of ['jobs', 'store', 'layers/50_layer']) {
    await phone.goto(`${server.url.origin}/#/${address}`);
    await phone.getByRole('heading', { level: 1 }).waitFor();
    await phone.waitForTimeout(1000); // until all of it is there
    await checkView(phone, `phone-${address.replace('/', '-')}`);
  }
  assert.deepEqual(
    browser.takeWrong().filter((text) => !text.includes('404')),
    [],
  );
});
