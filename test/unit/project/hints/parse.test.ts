// The hints in a script's comments: what each says, and what is told when one is wrong.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ScriptKind } from '../../../../src/model/project.ts';
import { parseHints } from '../../../../src/project/hints/parse.ts';
import { failureIn, NO_HINTS, valueIn } from '../../../rig/tree.ts';

const FILE = '/project/layers/10_base/script';

function parse(text: string, kind: ScriptKind = 'modify-disk') {
  return parseHints(`#!/bin/sh\n${text}\nexit 0\n`, FILE, kind);
}

function atLine2(target: string) {
  return { targetLines: new Map([[target, 2]]) };
}

describe('good hints', () => {
  for (const [line, hints] of [
    ['# nocache', { nocache: true }],
    ['# noshare', { noshare: true }],
    [
      '# chroot-bind-mount ../shared /srv/shared',
      { bindMounts: [{ source: '../shared', target: '/srv/shared' }], ...atLine2('/srv/shared') },
    ],
    [
      '# chroot-mount p2 /boot/efi',
      { partitionMounts: [{ partition: 2, target: '/boot/efi' }], ...atLine2('/boot/efi') },
    ],
    ['# vlb: nocache', { nocache: true }],
    ['# vlb: noshare', { noshare: true }],
    ['# vlb: chroot-bind-mount a /b', { bindMounts: [{ source: 'a', target: '/b' }], ...atLine2('/b') }],
    [
      '# vlb: chroot-mount p128 /x',
      { partitionMounts: [{ partition: 128, target: '/x' }], ...atLine2('/x') },
    ],
    [
      '# chroot-mount p2:@home/ann /home/ann',
      {
        partitionMounts: [{ partition: 2, subvolume: '@home/ann', target: '/home/ann' }],
        ...atLine2('/home/ann'),
      },
    ],
    ['# vlb: from scratch', { from: 'scratch' }],
    ['# vlb: from 10_base', { from: { layer: '10_base', line: 2 } }],
    ['# vlb: disk-size 20G', { diskSize: 20 * 2 ** 30 }],
    ['# vlb: root-partition 3', { rootPartition: 3 }],
    ['# vlb: root-partition vg-0/root', { rootPartition: 'vg-0/root' }],
    [
      '# chroot-mount vg0/srv /srv',
      { partitionMounts: [{ partition: 'vg0/srv', target: '/srv' }], ...atLine2('/srv') },
    ],
    ['# vlb: sector-size 4096', { sectorSize: 4096 }],
    ['# vlb: timeout 30m', { timeout: 1800 }],
    ['# vlb: max-age 7d', { maxAge: 604_800 }],
    ['# vlb: secret npm.token-1', { secrets: [{ name: 'npm.token-1', line: 2 }] }],
  ] as const) {
    test(line, () => assert.deepEqual(valueIn(parse(line)), { ...NO_HINTS, ...hints }));
  }

  test('# vlb: passphrase is a secret too', () => {
    const hints = valueIn(parse('# vlb: passphrase DISK', 'build-layer'));
    assert.deepEqual(hints, { ...NO_HINTS, passphrases: ['DISK'], secrets: [{ name: 'DISK', line: 2 }] });
  });

  test('# vlb: hostname takes /etc/hosts', () => {
    const hints = valueIn(parse('# vlb: hostname web.example.org', 'build-layer'));
    assert.deepEqual(hints, { ...NO_HINTS, hostname: 'web.example.org', ...atLine2('/etc/hosts') });
    const failure = failureIn(parse('# chroot-bind-mount a /etc/hosts\n# vlb: hostname web', 'build-layer'));
    assert.match(failure.message, /mounts at \/etc\/hosts, which line 2 already does/);
  });

  test('several at once, mounts in the order of their lines', () => {
    const text = '# chroot-mount p2 /b\n# chroot-mount p1 /a\n#\n# vlb: timeout 5s\n# nocache';
    const hints = valueIn(parse(text));
    assert.deepEqual(
      hints.partitionMounts.map(({ target }) => target),
      ['/b', '/a'],
    );
    assert.equal(hints.timeout, 5);
    assert.equal(hints.nocache, true);
  });

  test('spaces and tabs around the parts mean nothing', () => {
    for (const line of ['#vlb:timeout 5s', '  #   vlb:   timeout   5s  ', '\t#\tvlb:\ttimeout\t5s\t']) {
      assert.equal(valueIn(parse(line)).timeout, 5, JSON.stringify(line));
    }
    for (const line of ['#nocache', '  #  nocache  ', '\t#\tnocache\t']) {
      assert.equal(valueIn(parse(line)).nocache, true, JSON.stringify(line));
    }
  });

  test('the older words may carry a remark', () => {
    assert.equal(valueIn(parse('# nocache because the clock counts')).nocache, true);
    assert.equal(valueIn(parse('# noshare (licensed fonts)')).noshare, true);
  });

  test('a line with a carriage return at its end is a hint like any other', () => {
    assert.equal(valueIn(parse('# vlb: timeout 5s\r')).timeout, 5);
    assert.equal(valueIn(parse('# nocache because\r')).nocache, true);
    assert.match(failureIn(parse('# vlb: tiemout 5s\r')).message, /tiemout/);
  });
});

describe('what is no hint', () => {
  for (const line of [
    '# this layer is nocache, and noshare too',
    '# nocached',
    '# no cache',
    '# see chroot-mount p1 /boot',
    'echo "# nocache"',
    'true # nocache',
    '# vlb is the tool; vlb: timeout is one of its hints',
    '# VLB: timeout 5s',
    '',
  ]) {
    test(JSON.stringify(line), () => assert.deepEqual(valueIn(parse(line)), NO_HINTS));
  }
});

describe('malformed hints tell file and line', () => {
  for (const [line, message] of [
    ['# chroot-bind-mount', /chroot-bind-mount requires SRC and an absolute TARGET/],
    ['# chroot-bind-mount a', /requires SRC and an absolute TARGET/],
    ['# chroot-bind-mount a b', /requires SRC and an absolute TARGET/],
    ['# chroot-bind-mount a /b c', /requires SRC and an absolute TARGET/],
    ['# chroot-bind-mount a /', /requires SRC and an absolute TARGET/],
    ['# chroot-bind-mount a //', /requires SRC and an absolute TARGET/],
    ['# chroot-bind-mount a /.', /requires SRC and an absolute TARGET/],
    ['# chroot-bind-mount a /b/../..', /requires SRC and an absolute TARGET/],
    ['# vlb: hostname', /hostname requires a name like web.example.org/],
    ['# vlb: hostname a b', /requires a name like/],
    ['# vlb: hostname -a', /requires a name like/],
    ['# vlb: hostname a..b', /requires a name like/],
    ['# vlb: hostname a_b', /requires a name like/],
    [`# vlb: hostname ${'x'.repeat(65)}`, /of at most 64 characters/],
    ['# vlb: hostname web', /hostname is only valid in build-layer/],
    ['# chroot-mount 2 /boot', /chroot-mount requires a partition like p2/],
    ['# chroot-mount p0 /boot', /requires a partition like p2/],
    ['# chroot-mount p2 boot', /requires a partition like p2, or VG\/LV, and an absolute TARGET/],
    ['# chroot-mount p2 /boot the boot partition', /requires a partition like p2/],
    ['# vlb: from', /from requires a layer name or scratch/],
    ['# vlb: from scratch please', /from requires a layer name or scratch/],
    ['# vlb: mount app', /mount requires a layer and an absolute TARGET/],
    ['# vlb: mount app mnt/x', /mount requires a layer and an absolute TARGET/],
    ['# vlb: disk-size', /disk-size requires a size like 20G/],
    ['# vlb: disk-size big', /requires a size like 20G/],
    ['# vlb: disk-size 20 G', /requires a size like 20G/],
    ['# vlb: disk-size -1', /requires a size like 20G/],
    ['# vlb: root-partition 0', /root-partition requires a partition number/],
    ['# vlb: root-partition p2', /requires a partition number/],
    ['# vlb: root-partition vg/../x', /requires a partition number like 2, or VG\/LV/],
    ['# vlb: passphrase', /passphrase requires the name of a secret/],
    ['# vlb: timeout', /timeout requires a duration/],
    ['# vlb: timeout soon', /requires a duration like 90s, 30m or 2h/],
    ['# vlb: timeout 0', /requires a duration/],
    ['# vlb: max-age old', /max-age requires a duration like 12h or 7d/],
    ['# vlb: secret', /secret requires a name/],
    ['# vlb: secret ../x', /secret requires a name/],
    ['# vlb: secret a b', /secret requires a name/],
    ['# vlb: cache-dir', /cache-dir requires an absolute TARGET/],
    ['# vlb: cache-dir /a', /cache-dir is only valid in build-layer/],
    ['# chroot-bind-mount a /mnt', /cannot mount at \/mnt, which holds the layer's own files/],
    ['# chroot-mount p2 /mnt/./', /cannot mount at \/mnt/],
    ['# chroot-mount p2 /proc/x', /cannot mount at \/proc\/x, which vlb mounts itself/],
    ['# chroot-bind-mount a //sys', /cannot mount at \/sys/],
    ['# chroot-bind-mount a /dev', /cannot mount at \/dev/],
  ] as const) {
    test(line, () => {
      const failure = failureIn(parse(`set -eu\n${line}`));
      assert.equal(failure.kind, 'usage');
      assert.match(failure.message, message);
      assert.deepEqual(failure.where, { file: FILE, line: 3 });
    });
  }
});

describe('targets', () => {
  for (const target of ['/mnt/x', '/tmp', '/run/x', '/dev/shm/x', '/mntx', '/process']) {
    test(`${target} is one`, () => void valueIn(parse(`# chroot-bind-mount a ${target}`)));
  }

  test('two hints for one', () => {
    const failure = failureIn(parse('# chroot-mount p2 /data\n# chroot-bind-mount a /data/', 'build-layer'));
    assert.match(failure.message, /mounts at \/data\/, which line 2 already does/);
    assert.equal(failure.where?.line, 3);
  });

  for (const cover of ['# chroot-bind-mount a /data', '# vlb: cache-dir /data/']) {
    test(`what ${cover} hides`, () => {
      const failure = failureIn(parse(`# vlb: mount app /data/app\n${cover}`, 'build-layer'));
      assert.match(failure.message, /the mount at \/data\/app is hidden by the one at \/data\/? \(line 3\)/);
      assert.equal(failure.where?.line, 2);
    });
  }
});

describe('unknown words', () => {
  test('the nearest one is suggested', () => {
    const failure = failureIn(parse('# vlb: dik-size 20G'));
    assert.match(failure.message, /"dik-size"/);
    assert.equal(failure.hint, 'did you mean "disk-size"?');
    assert.deepEqual(failure.where, { file: FILE, line: 2 });
  });

  test('without a near one, all are named', () => {
    const { hint } = failureIn(parse('# vlb: frobnicate'));
    for (const word of ['nocache', 'from', 'disk-size', 'timeout']) assert.ok(hint?.includes(word), word);
  });

  test('no word at all is an error too', () => {
    assert.equal(failureIn(parse('# vlb:')).where?.line, 2);
  });

  for (const word of ['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__proto__']) {
    test(`${word}, a name that every object has`, () => {
      assert.match(failureIn(parse(`# vlb: ${word}`)).message, /^unknown hint "/);
    });
  }
});

describe('hints for a modify-disk alone', () => {
  for (const line of ['# vlb: disk-size 1G', '# vlb: from scratch']) {
    test(`${line} in a build-layer`, () => {
      const failure = failureIn(parse(line, 'build-layer'));
      assert.match(failure.message, /is only valid in modify-disk/);
      assert.deepEqual(failure.where, { file: FILE, line: 2 });
    });
  }
});

describe('hints for a boot-layer', () => {
  test('its machine, and when its script starts', () => {
    const text = '# vlb: memory 2G\n# vlb: cpus 4\n# vlb: wait-for db@main.service';
    const { memory, cpus, waitFor } = valueIn(parse(text, 'boot-layer'));
    assert.deepEqual({ memory, cpus, waitFor }, { memory: 2 ** 31, cpus: 4, waitFor: 'db@main.service' });
  });
  test('files can be brought in below /mnt only', () => {
    valueIn(parse('# chroot-bind-mount ../common /mnt/common', 'boot-layer'));
    const failure = failureIn(parse('# chroot-bind-mount ../common /srv/common', 'boot-layer'));
    assert.match(failure.message, /requires a TARGET below \/mnt/);
  });
  for (const [line, message] of [
    [
      '# vlb: cache-dir /var/cache',
      /cache-dir has no use in a boot-layer: a guest has no directory of this host/,
    ],
    ['# vlb: mount app /mnt/app', /mount has no use in a boot-layer/],
    ['# chroot-mount p2 /boot', /chroot-mount has no use in a boot-layer/],
    ['# vlb: fstab ignore', /fstab has no use/],
    ['# vlb: hostname web', /hostname has no use/],
    ['# vlb: root-partition 2', /root-partition has no use/],
    ['# vlb: disk-size 2G', /disk-size is only valid in modify-disk/],
    ['# vlb: from scratch', /scratch is only valid in modify-disk/],
    ['# vlb: memory 1M', /memory requires a size like 2G, of at least 64M/],
    ['# vlb: cpus 0', /cpus requires a number/],
    ['# vlb: wait-for db', /wait-for requires the name of a unit/],
    ['# vlb: wait-for -x.service', /wait-for requires the name of a unit/],
  ] as const) {
    test(line, () => {
      const failure = failureIn(parse(line, 'boot-layer'));
      assert.match(failure.message, message);
      assert.equal(failure.where?.line, 2);
    });
  }
  test('a unit to wait for, in another script', () => {
    const failure = failureIn(parse('# vlb: wait-for db.service', 'build-layer'));
    assert.match(failure.message, /is only valid in boot-layer/);
  });
});

describe('what a job asks for', () => {
  test('processors, memory, a partition and resources, in any script', () => {
    const text = '# vlb: cpus 4\n# vlb: memory 8G\n# vlb: place big\n# vlb: place gpu:tesla:2';
    const hints = valueIn(parse(text, 'build-layer'));
    assert.deepEqual([hints.cpus, hints.memory], [4, 8 * 2 ** 30]);
    assert.deepEqual(hints.places, [
      { name: 'big', line: 4 },
      { name: 'gpu:tesla:2', line: 5 },
    ]);
  });
  for (const name of ['gpu:1', 'gpu:tesla', 'gpu:1g.10gb:2', 'nvidia.com/gpu:1']) {
    test(name, () => {
      assert.equal(valueIn(parse(`# vlb: place ${name}`, 'build-layer')).places[0]?.name, name);
    });
  }
  for (const [line, message] of [
    ['# vlb: place', /place requires a partition like big, or a resource like gpu:1/],
    ['# vlb: place --wrap=id', /place requires a partition/],
    ['# vlb: place gpu:1;id', /place requires a partition/],
    ['# vlb: place gpu:0', /place requires a partition/],
    ['# vlb: place gpu:1:2', /place requires a partition/],
    ['# vlb: place big\n# vlb: place small', /place names a second partition/],
  ] as const) {
    test(line, () => assert.match(failureIn(parse(line, 'build-layer')).message, message));
  }
});

describe('the default of a parameter is the rest of the line', () => {
  for (const [line, value] of [
    ['# vlb: param A=a  b', 'a  b'],
    ['# vlb: param A=a\tb', 'a\tb'],
    ['#vlb:  param   A=  a', '  a'],
    ['# vlb: param A="a" # b', '"a" # b'],
    ['# vlb: param A=a \t ', 'a'],
    ['# vlb: param A=a\r', 'a'],
    ['# vlb: param A=a\u00a0\u2003b\u00a0', 'a\u00a0\u2003b\u00a0'],
    ['# vlb: param A=', ''],
    ['# vlb: param A=b=c', 'b=c'],
  ] as const) {
    test(JSON.stringify(line), () => {
      assert.deepEqual(valueIn(parse(line)).params, [{ name: 'A', default: value, line: 2 }]);
    });
  }
  test('one that is not UTF-8 is an error', () => {
    const failure = failureIn(parse('# vlb: param A=\ufffd'));
    assert.equal(failure.message, 'the hint param has a default for A that is not UTF-8');
  });
});

describe('hints below the first command', () => {
  const below = (line: number, word: string) => ({
    line,
    message: `the hint ${word} is below the first command: move it to the top of the script`,
  });
  const inText = (line: number, word: string) => ({
    line,
    message: `"${word}" is part of a here-document and not a hint`,
  });

  test('count, and are noted', () => {
    const hints = valueIn(parse('# a comment\n\n# vlb: noshare\nset -eu\n# nocache\n  # vlb: timeout 5s'));
    assert.deepEqual(hints, {
      ...{ ...NO_HINTS, noshare: true, nocache: true, timeout: 5 },
      misplaced: [below(6, 'nocache'), below(7, 'timeout')],
    });
  });
  for (const [start, end] of [
    ['cat >f <<E', 'E'],
    ['cat >f << "E F"', 'E F'],
    ["cat <<'E' >f; true", 'E'],
    ['cat <<\\E', 'E'],
    ['cat <<-E', '\t\tE'],
    ['x=$(cat <<E', 'E\n)'],
    ['cat <<A <<E', '# noshare\nA\nE'],
    ['echo $((1 << 2)); cat <<E', 'E'],
  ] as const) {
    test(`do not count in ${JSON.stringify(start)}`, () => {
      const hints = valueIn(parse(`${start}\n# nocache for html\n# vlb: unknown\n${end}\n# vlb: timeout 5s`));
      assert.equal(hints.nocache, false);
      assert.equal(hints.noshare, false);
      assert.equal(hints.timeout, 5);
      assert.deepEqual(hints.misplaced?.slice(0, 2), [inText(3, 'nocache'), inText(4, 'unknown')]);
      assert.match(hints.misplaced?.at(-1)?.message ?? '', /^the hint timeout is below/);
    });
  }
  for (const [name, text] of [
    ['a here-string', 'cat <<<E\n# nocache\nE'],
    ['a here-document without an end', 'echo "<<E"\n# nocache'],
    ['a here-document in a comment', '# cat <<E\ntrue\n# nocache\nE'],
    ['behind a here-document', 'cat <<E\nE\n# nocache'],
    ['an indented end', 'cat <<E\n  E\nE\n# nocache'],
  ] as const) {
    test(`count: ${name}`, () => assert.equal(valueIn(parse(text)).nocache, true));
  }
  test('count in scripts of other interpreters, where << is an operator', () => {
    const script = '#!/usr/bin/env python3\nx = 1 <<E\n# nocache\nE\n';
    assert.equal(valueIn(parseHints(script, FILE, 'build-layer')).nocache, true);
  });
});
