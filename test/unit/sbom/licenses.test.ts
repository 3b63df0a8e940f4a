// Licenses of packages as expressions of SPDX.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  licenseRef,
  licensesInCopyright,
  licensingOf,
  spdxExpression,
  wholeExpression,
} from '../../../src/sbom/licenses.ts';

test('names of distributions, and expressions of them', () => {
  for (const [text, expected] of [
    ['GPL-2+', 'GPL-2.0-or-later'],
    ['GPL-3', 'GPL-3.0-only'],
    ['LGPL-2.1+', 'LGPL-2.1-or-later'],
    ['GPL-2.0+', 'GPL-2.0-or-later'],
    ['AGPL-3', 'AGPL-3.0-only'],
    ['GFDL-1.3+', 'GFDL-1.3-or-later'],
    ['Expat', 'MIT'],
    ['BSD-3-clause', 'BSD-3-Clause'],
    ['zlib', 'Zlib'],
    ['Perl', '(Artistic-1.0-Perl OR GPL-1.0-or-later)'],
    ['GPL-2+ or Artistic-2.0', 'GPL-2.0-or-later OR Artistic-2.0'],
    ['GPL-2 or GPL-3, and Expat', '(GPL-2.0-only OR GPL-3.0-only) AND MIT'],
    ['MIT AND (BSD-2-Clause OR Zlib)', 'MIT AND (BSD-2-Clause OR Zlib)'],
    ['Apache-2.0 with LLVM exception', 'Apache-2.0 WITH LLVM-exception'],
    ['GPL-2.0-only WITH Linux-syscall-note', 'GPL-2.0-only WITH Linux-syscall-note'],
    ['GPL-2 with Font exception', 'GPL-2.0-only WITH Font-exception-2.0'],
    ['public-domain', undefined],
    ['Expat or public-domain', undefined],
    ['GPL-2+ with OpenSSL exception', undefined],
    ['ISC and/or LGPL-2.1+', undefined],
    ['(MIT', undefined],
    ['', undefined],
    ['and', undefined],
    [', and MIT', undefined],
  ] as const) {
    assert.equal(spdxExpression(text), expected, text);
  }
});

test('a copyright file: each license once, and none of another format', () => {
  const file = `Format: http://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: GPL-2+
 text with
 License: not this

Files: x
License:  Expat  or   ISC

License: GPL-2+
`;
  assert.deepEqual(licensesInCopyright(file), ['GPL-2+', 'Expat or ISC']);
  assert.deepEqual(licensesInCopyright('License: GPL-2+\n'), []);
  assert.deepEqual(licensesInCopyright(''), []);
});

test('all licenses of a package as one expression', () => {
  const whole = (...licenses: readonly string[]) => wholeExpression(licensingOf(licenses));
  assert.equal(whole(), undefined);
  assert.equal(whole('Expat or ISC'), 'MIT OR ISC');
  assert.equal(whole('Expat or ISC', 'PD'), '(MIT OR ISC) AND LicenseRef-PD');
  assert.equal(whole('Expat', 'MIT'), 'MIT');
  assert.equal(whole('odd', '"odd"'), 'LicenseRef-odd');
  assert.equal(licenseRef('GPL-2+ with X/Y'), 'LicenseRef-GPL-2-or-later-with-X-Y');
  assert.equal(licenseRef('…'), 'LicenseRef-unnamed');
});
