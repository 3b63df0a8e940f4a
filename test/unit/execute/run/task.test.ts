// The environment of scripts: nothing of the caller's but the proxies.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STAGED_TIME } from '../../../../src/execute/run/stage.ts';
import { scriptEnvironment } from '../../../../src/execute/run/task.ts';

const CLEAN = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
  TERM: 'dumb',
  SOURCE_DATE_EPOCH: String(STAGED_TIME),
  VLB: '1',
};

test('it is the same whoever calls', () => {
  assert.deepEqual(scriptEnvironment({}), CLEAN);
  const own = {
    PATH: '/home/me/bin',
    HOME: '/home/me',
    LANG: 'de_DE',
    TERM: 'xterm',
    SSH_AUTH_SOCK: '/x',
    VLB: '2',
  };
  assert.deepEqual(
    scriptEnvironment({ ...own, SOURCE_DATE_EPOCH: '1', LD_PRELOAD: 'x', BASH_ENV: 'x' }),
    CLEAN,
  );
});

test('the proxies reach it, in small letters and capitals, as they are', () => {
  const proxies = {
    http_proxy: 'http://proxy:3128',
    https_proxy: 'http://proxy:3128',
    ftp_proxy: '',
    all_proxy: 'socks5://proxy',
    no_proxy: 'localhost,.example',
    HTTP_PROXY: 'http://other:3128',
    HTTPS_PROXY: 'http://other:3128',
    NO_PROXY: '*',
  };
  assert.deepEqual(scriptEnvironment(proxies), { ...CLEAN, ...proxies });
  assert.deepEqual(scriptEnvironment({ http_proxy: undefined, Http_Proxy: 'x' }), CLEAN);
});

test('the time is a whole number of seconds in the past', () => {
  assert.match(CLEAN.SOURCE_DATE_EPOCH, /^\d+$/);
  assert.ok(STAGED_TIME * 1000 < Date.now());
});
