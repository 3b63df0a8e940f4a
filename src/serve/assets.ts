// What is sent to browsers without a token, since it is the same for everybody: the page, as bin/bundle.mjs makes it.

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** The page, which names its script and its style. */
const PAGE = new URL('./page/index.html', import.meta.url);

/** By their paths. */
export type Assets = ReadonlyMap<string, Asset>;

interface Asset {
  readonly type: string;
  readonly body: Buffer;
  readonly compressed: Buffer;
  /** Whether its name has a digest of its contents. */
  readonly isImmutable: boolean;
}

const TYPES = { html: 'text/html', js: 'text/javascript', css: 'text/css' } as const;

/** Reads the page. Throws node's fs errors: it is a part of vlb. */
export function readAssets(): Assets {
  const page = readFileSync(PAGE);
  const assets = new Map([['/', assetOf(page, 'html')]]);
  for (const [address, name = '', kind] of page.toString().matchAll(/\/assets\/(page-\w+\.(js|css))/g)) {
    assets.set(address, assetOf(readFileSync(new URL(name, PAGE)), kind === 'js' ? 'js' : 'css'));
  }
  return assets;
}

function assetOf(body: Buffer, kind: keyof typeof TYPES): Asset {
  return {
    type: `${TYPES[kind]}; charset=utf-8`,
    body,
    compressed: gzipSync(body),
    isImmutable: kind !== 'html',
  };
}

/** The answer that has an asset. */
export function assetResponse({ type, body, compressed, isImmutable }: Asset, request: Request): Response {
  const isCompressed = /\bgzip\b/.test(request.headers.get('accept-encoding') ?? '');
  return new Response(new Uint8Array(isCompressed ? compressed : body), {
    headers: {
      'content-type': type,
      'cache-control': isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      vary: 'accept-encoding',
      ...(isCompressed ? { 'content-encoding': 'gzip' } : {}),
    },
  });
}
