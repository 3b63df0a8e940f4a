// Routes of the session: a token is exchanged for a cookie, which scripts cannot read and other sites cannot use.

import * as v from 'valibot';
import { ok } from '../../model/failure.ts';
import { type Door, isSame, sessionOf } from '../access/who-may.ts';
import { Answer, type Route, rawRoute, route } from './route.ts';

const MONTH_SECONDS = 30 * 24 * 3600;

/** The name of the cookie: all ports of a machine share their cookies. With TLS, no other host can set it. */
export function cookieName({ scheme, port }: Pick<Door, 'scheme' | 'port'>): string {
  return `${scheme === 'https' ? '__Host-' : ''}vlb-${port}`;
}

/** @param door as the server admits */
export function sessionRoutes(door: Door): readonly Route[] {
  const cookie = (value: string, seconds: number) =>
    [
      `${cookieName(door)}=${value}`,
      'Path=/',
      'HttpOnly',
      'SameSite=Strict',
      `Max-Age=${seconds}`,
      ...(door.scheme === 'https' ? ['Secure'] : []),
    ].join('; ');
  const done = (value: string, seconds: number) =>
    new Answer({
      status: 200,
      headers: { 'content-type': 'application/json', 'set-cookie': cookie(value, seconds) },
      body: Buffer.from('{}'),
    });
  return [
    rawRoute({
      method: 'post',
      path: '/api/session',
      summary: 'log in: exchange the token for a cookie',
      open: true,
      body: { token: v.pipe(v.string(), v.maxLength(1024)) },
      answer: { media: 'application/json', text: 'nothing; the cookie is in the header Set-Cookie' },
      run: async ({ body: { token } }) =>
        isSame(String(token), door.token) ? done(sessionOf(door.token), MONTH_SECONDS) : WRONG,
    }),
    rawRoute({
      method: 'delete',
      path: '/api/session',
      summary: 'log out',
      open: true,
      answer: { media: 'application/json', text: 'nothing' },
      run: async () => done('', 0),
    }),
    route({
      method: 'get',
      path: '/api/session',
      summary: 'whether the caller is logged in, and as whom',
      answer: v.object({ user: v.optional(v.string()), readOnly: v.boolean() }),
      run: async ({ user }) => ok({ user, readOnly: door.readOnly }),
    }),
  ];
}

const WRONG = new Answer({
  status: 401,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify({ failure: { kind: 'usage', message: 'the token is wrong' } })),
});
