// What is sent to browsers without a token, since it is the same for everybody.

/** A path, and what answers it. */
export type Assets = readonly (readonly [path: string, asset: Asset])[];

interface Asset {
  readonly type: string;
  readonly body: Uint8Array;
  /** Whether its name has a digest of its contents. */
  readonly immutable: boolean;
}

/** The function that answers each path. */
export function assetRoutes(assets: Assets): readonly (readonly [string, (request: Request) => Response])[] {
  return assets.map(([path, { type, body, immutable }]) => [
    path,
    () =>
      new Response(new Uint8Array(body), {
        headers: {
          'content-type': type,
          'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
        },
      }),
  ]);
}

/** Where there is no page, what to read. */
export const API_ONLY: Assets = [
  [
    '/',
    {
      type: 'text/plain; charset=utf-8',
      body: Buffer.from('vlb serve: an API for programs, described by /api/openapi.json\n'),
      immutable: false,
    },
  ],
];
