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
const OFFLINE = {
  SYSTEMD_OFFLINE: '1',
  SYSTEMD_IN_CHROOT: '1',
  DEBIAN_FRONTEND: 'noninteractive',
  DEBCONF_NONINTERACTIVE_SEEN: 'true',
  DPKG_FORCE: 'security-mac,downgrade,confold',
  UCF_FORCE_CONFFOLD: '1',
  NEEDRESTART_SUSPEND: '1',
  APT_LISTCHANGES_FRONTEND: 'none',
};

test('it is the same whoever calls', () => {
  assert.deepEqual(scriptEnvironment({}, 'host'), CLEAN);
  const own = {
    PATH: '/home/me/bin',
    HOME: '/home/me',
    LANG: 'de_DE',
    TERM: 'xterm',
    SSH_AUTH_SOCK: '/x',
    VLB: '2',
  };
  assert.deepEqual(
    scriptEnvironment({ ...own, SOURCE_DATE_EPOCH: '1', LD_PRELOAD: 'x', BASH_ENV: 'x' }, 'host'),
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
  assert.deepEqual(scriptEnvironment(proxies, 'host'), { ...CLEAN, ...proxies });
  assert.deepEqual(scriptEnvironment({ http_proxy: undefined, Http_Proxy: 'x' }, 'host'), CLEAN);
});

test('in an image it is offline and answers no questions, unless a parameter says otherwise', () => {
  assert.deepEqual(scriptEnvironment({ SYSTEMD_OFFLINE: '0' }, 'image'), { ...CLEAN, ...OFFLINE });
  const params = { DEBIAN_FRONTEND: 'readline', VERSION: '1' };
  assert.deepEqual(scriptEnvironment({}, 'image', params), { ...CLEAN, ...OFFLINE, ...params });
});

test('the time is a whole number of seconds in the past', () => {
  assert.match(CLEAN.SOURCE_DATE_EPOCH, /^\d+$/);
  assert.ok(STAGED_TIME * 1000 < Date.now());
});

test('in a booted image services start, nobody answers, and proxies of this machine are where a guest finds it', () => {
  const { SYSTEMD_OFFLINE: _, SYSTEMD_IN_CHROOT: __, ...unattended } = OFFLINE;
  assert.deepEqual(scriptEnvironment({}, 'guest'), { ...CLEAN, ...unattended });
  const proxies = {
    http_proxy: 'http://user:word@localhost:3128/',
    https_proxy: 'http://127.0.0.1:3128',
    all_proxy: 'http://[::1]:1',
    no_proxy: 'localhost,example.org',
    HTTP_PROXY: 'http://localhost.example.org:1',
    FTP_PROXY: 'localhost:1',
  };
  const { http_proxy, https_proxy, all_proxy, no_proxy, HTTP_PROXY, FTP_PROXY } = scriptEnvironment(
    proxies,
    'guest',
  );
  assert.deepEqual(
    { http_proxy, https_proxy, all_proxy, no_proxy, HTTP_PROXY, FTP_PROXY },
    {
      ...proxies,
      http_proxy: 'http://user:word@10.0.2.2:3128/',
      https_proxy: 'http://10.0.2.2:3128',
      all_proxy: 'http://10.0.2.2:1',
      FTP_PROXY: '10.0.2.2:1',
    },
  );
});
