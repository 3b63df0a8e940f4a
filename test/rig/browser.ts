// A real Chromium with a page of vlb serve in it. What is wrong with a page is collected, and asked for at the end.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { REPOSITORY } from './project.ts';
import { isRoot } from './root.ts';
import type { Serving } from './serving.ts';

const AXE = readFileSync(path.join(REPOSITORY, 'node_modules/axe-core/axe.min.js'), 'utf8');
/** Directory that screenshots are written to; none without it. */
const SHOTS = process.env['VLB_TEST_SCREENSHOTS'];
const PATIENCE_MILLISECONDS = 60_000;

export interface Look {
  readonly width?: number;
  readonly dark?: boolean;
}

export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  /** Errors on the console, and requests to other hosts. */
  readonly #wrong: string[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<TestBrowser> {
    const args = isRoot ? ['--no-sandbox'] : [];
    return new TestBrowser(await chromium.launch({ executablePath: '/usr/bin/chromium', args }));
  }

  /** Opens an address of a server in a window with no cookies. */
  async open(
    server: Serving,
    address = server.url.href,
    { width = 1280, dark = false }: Look = {},
  ): Promise<Page> {
    const context = await this.#browser.newContext({
      viewport: { width, height: 900 },
      colorScheme: dark ? 'dark' : 'light',
      acceptDownloads: true,
    });
    context.setDefaultTimeout(PATIENCE_MILLISECONDS);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.#wrong.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.#wrong.push(message.text());
    });
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol !== 'data:' && url.protocol !== 'blob:' && url.origin !== server.url.origin) {
        this.#wrong.push(`a request to ${request.url()}`);
      }
    });
    await page.goto(address);
    return page;
  }

  /** What is wrong so far, which is forgotten then. */
  takeWrong(): readonly string[] {
    return this.#wrong.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

export const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
export const link = (page: Page, name: string) => page.getByRole('link', { name, exact: true });
/** Waits for the state of a job or a layer. */
export const state = (page: Page, of: string) => page.locator('p .state', { hasText: of }).waitFor();

/** In pixels, of a large screen. */
const LARGE = 1600;

/**
 * Checks what is shown with axe (https://github.com/dequelabs/axe-core), and that nothing is wider than the window, nor than a large
 * one.
 */
export async function checkView(page: Page, name: string): Promise<void> {
  // The policy of the page would not run what is put into it.
  const session = await page.context().newCDPSession(page);
  await session.send('Page.setBypassCSP', { enabled: true });
  const found: readonly string[] = await page.evaluate(`${AXE};
    axe.run().then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 200))))`);
  assert.deepEqual(found, [], name);
  await checkWidth(page, name);
  const size = page.viewportSize();
  if (!size) return;
  await page.setViewportSize({ ...size, width: LARGE });
  await checkWidth(page, `${name}-${LARGE}`);
  await page.setViewportSize(size);
}

async function checkWidth(page: Page, name: string): Promise<void> {
  if (SHOTS !== undefined) await page.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: true });
  const excess = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
  assert.equal(excess, 0, `${name} is wider than the window`);
}
