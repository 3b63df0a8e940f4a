// The proxies of the environment, as curl takes them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyVariables } from '../../../../src/project/config/proxies.ts';
import { failureIn, valueIn } from '../../../rig/tree.ts';

test('proxies in any form that curl takes', () => {
  for (const [given, expected] of [
    [{}, {}],
    [{ http_proxy: '' }, {}],
    [{ http_proxy: 'proxy:3128' }, { http_proxy: 'http://proxy:3128' }],
    [{ HTTP_PROXY: 'proxy' }, { http_proxy: 'http://proxy' }],
    [{ http_proxy: '127.0.0.1:1', HTTP_PROXY: 'x' }, { http_proxy: 'http://127.0.0.1:1' }],
    [{ https_proxy: 'u:p%40w@proxy:3128' }, { https_proxy: 'http://u:p%40w@proxy:3128' }],
    [{ https_proxy: 'https://proxy' }, { https_proxy: 'https://proxy' }],
    [
      { all_proxy: '[::1]:8080', https_proxy: 'b:2' },
      { http_proxy: 'http://[::1]:8080', https_proxy: 'http://b:2' },
    ],
    [{ ALL_PROXY: 'a:1' }, { http_proxy: 'http://a:1', https_proxy: 'http://a:1' }],
    [{ no_proxy: 'a.org, .b.org 10.1.2.3' }, { no_proxy: 'a.org,.a.org,b.org,.b.org,10.1.2.3' }],
    [{ NO_PROXY: '10.1.2.3/8,*' }, { no_proxy: '10.0.0.0-10.255.255.255,*' }],
    [{ all_proxy: 'socks5://a:1' }, {}],
    [{ no_proxy: '192.168.1.7/32' }, { no_proxy: '192.168.1.7-192.168.1.7' }],
  ] as const) {
    assert.deepEqual(valueIn(proxyVariables(given)), expected);
  }
});

test('another kind of proxy is an error that does not show its password', () => {
  for (const value of ['socks5://u:secret@proxy', 'http://', '://x', 'a b:1']) {
    const failure = failureIn(proxyVariables({ https_proxy: value }));
    assert.equal(failure.message, 'https_proxy does not name an HTTP proxy', value);
  }
});
