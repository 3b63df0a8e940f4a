// Who may use vlb serve, as a function. test/e2e/serve-access.test.ts asks a real server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkExposure, hostsOf, isLoopback, urlOf } from '../../../src/serve/access/address.ts';
import { type Caller, type Door, refusalOf, sessionOf } from '../../../src/serve/access/who-may.ts';

const TOKEN = 'a-token-that-nobody-guesses';
const DOOR: Door = {
  scheme: 'http',
  hosts: hostsOf('127.0.0.1', 8080, 'http'),
  allAddresses: false,
  port: 8080,
  token: TOKEN,
  trustHeader: undefined,
  readOnly: false,
};
const NOBODY: Caller = {
  host: '127.0.0.1:8080',
  origin: undefined,
  site: undefined,
  authorization: undefined,
  cookie: undefined,
  contentType: undefined,
  user: undefined,
};
const READ = { writes: false, open: false, body: false };
const WRITE = { writes: true, open: false, body: true };

const statusOf = (caller: Partial<Caller>, purpose = READ, door: Partial<Door> = {}) =>
  refusalOf({ ...NOBODY, ...caller }, { ...DOOR, ...door }, purpose)?.status;

test('a token or the cookie is required', () => {
  assert.equal(statusOf({}), 401);
  assert.equal(statusOf({ authorization: `Bearer ${TOKEN}` }), undefined);
  assert.equal(statusOf({ authorization: `Basic ${TOKEN}` }), 401);
  assert.equal(statusOf({ authorization: `Bearer ${TOKEN}x` }), 401);
  assert.equal(statusOf({ cookie: sessionOf(TOKEN) }), undefined);
  assert.equal(statusOf({ cookie: sessionOf('another') }), 401);
  assert.equal(statusOf({ cookie: TOKEN }), 401);
  assert.equal(statusOf({}, { ...READ, open: true }), undefined);
});

test('a write by a cookie says that it is of the same origin; one by the token need not', () => {
  const contentType = 'application/json; charset=utf-8';
  const cookie = sessionOf(TOKEN);
  assert.equal(statusOf({ cookie, contentType }, WRITE), 403);
  assert.equal(statusOf({ cookie, contentType, origin: 'http://127.0.0.1:8080' }, WRITE), undefined);
  assert.equal(statusOf({ cookie, contentType, site: 'same-origin' }, WRITE), undefined);
  assert.equal(statusOf({ cookie, contentType, site: 'same-site' }, WRITE), 403);
  assert.equal(statusOf({ cookie, contentType, origin: 'http://localhost:8080' }, WRITE), 403);
  assert.equal(statusOf({ authorization: `Bearer ${TOKEN}`, contentType }, WRITE), undefined);
  assert.equal(statusOf({ authorization: `Bearer ${TOKEN}`, contentType: 'text/plain' }, WRITE), 415);
});

test('another name for this address is refused, another address only where the server is bound to one', () => {
  const open = { ...READ, open: true };
  assert.equal(statusOf({ host: 'example.org:8080' }, open), 421);
  assert.equal(statusOf({ host: undefined }, open), 421);
  const all = { allAddresses: true, hosts: hostsOf('0.0.0.0', 8080, 'http') };
  for (const host of ['192.0.2.1:8080', '[2001:db8::1]:8080', 'localhost:8080']) {
    assert.equal(statusOf({ host }, open, all), undefined, host);
  }
  for (const host of [
    '192.0.2.1',
    '192.0.2.1:80',
    'example.org:8080',
    '192.0.2.1.example.org:8080',
    '',
    '[',
    'a@192.0.2.1:80',
  ]) {
    assert.equal(statusOf({ host }, open, all), 421, host);
  }
});

test('the header of a proxy counts where it is trusted, and not for another site', () => {
  assert.equal(statusOf({ user: 'ann' }), 401);
  const door = { trustHeader: 'x-user' };
  assert.equal(statusOf({ user: 'ann' }, READ, door), undefined);
  assert.equal(statusOf({ user: '' }, READ, door), 401);
  const proxied = { user: 'ann', origin: 'https://builds.example.org', contentType: 'application/json' };
  assert.equal(statusOf(proxied, WRITE, door), 403);
  assert.equal(statusOf({ ...proxied, site: 'cross-site' }, WRITE, door), 403);
  assert.equal(statusOf({ ...proxied, site: 'same-origin' }, WRITE, door), undefined);
});

test('what a server is bound to decides its names, its address and whether it needs TLS', () => {
  assert.ok(isLoopback('127.0.0.53') && isLoopback('::1') && !isLoopback('127.example.org'));
  assert.ok(hostsOf('::1', 443, 'https').has('[::1]'));
  assert.ok(!hostsOf('192.0.2.1', 8080, 'http').has('localhost:8080'));
  assert.equal(urlOf('::1', 8080, 'http'), 'http://[::1]:8080/');
  assert.equal(checkExposure('192.0.2.1', { tls: false, insecure: false }).ok, false);
  assert.equal(checkExposure('192.0.2.1', { tls: true, insecure: false }).ok, true);
});
