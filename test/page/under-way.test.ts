// The page of vlb serve, where what it shows is under way: a build of the command line, and an export that is cancelled.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { button, link, state, TestBrowser } from '../rig/browser.ts';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { Serving } from '../rig/serving.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const BASE = { 'layers/10_base/modify-disk': tinyDisk() };

test('a build that the command line began is seen while it runs', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('echo begun; sleep 12; echo over'),
  });
  await using server = await Serving.start(project);
  await using browser = await TestBrowser.start();
  const page = await browser.open(server, `${server.url.origin}/#/layers/20_app`);
  await page.getByLabel('Token').fill(server.token);
  await page.keyboard.press('Enter');
  const building = project.build();
  const log = page.locator('.xterm-rows');
  for (let tries = 0; !(await log.isVisible()) && tries < 100; tries++) {
    await page.reload();
    await sleep(500);
  }
  await log.getByText('begun').waitFor();
  assert.equal(await log.getByText('over').isVisible(), false);
  await log.getByText('over').waitFor();
  assert.equal((await building).status, 0);
});

test('an export is cancelled, and leaves nothing', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ more: 'head -c 150M /dev/urandom > "$root/random"' }),
  });
  await using server = await Serving.start(project);
  assert.equal((await server.build()).state, 'done');
  await using browser = await TestBrowser.start();
  const page = await browser.open(server, `${server.url.origin}/#/exports`);
  await page.getByLabel('Token').fill(server.token);
  await page.keyboard.press('Enter');
  await page.locator('input[value="raw.xz"]').check();
  await button(page, 'Export').click();
  await page.getByRole('row', { name: /10_base as raw\.xz/ }).waitFor();
  await button(page, 'Cancel').click();
  await state(page, 'cancelled');
  await link(page, 'Exports').click();
  await page.getByText('There are no exports').waitFor();
  assert.deepEqual(leftovers(project), []);
});

test('a secret that a layer reads is typed into the page', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('wc -c < "$VLB_SECRETS/token"', '# vlb: secret token'),
  });
  await using server = await Serving.start(project);
  await using browser = await TestBrowser.start();
  const page = await browser.open(server, `${server.url.origin}/#/layers/20_app`);
  await page.getByLabel('Token').fill(server.token);
  await page.keyboard.press('Enter');
  const field = page.getByLabel('token', { exact: true });
  await field.fill('hidden');
  assert.equal(await field.getAttribute('type'), 'password');
  await button(page, 'Build').click();
  await state(page, 'done');
  await page.locator('.xterm-rows').getByText('6').waitFor();
});
