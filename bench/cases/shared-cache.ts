// A layer fetched from an S3 server on loopback, against curl and zstd with the same object.

import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { TestBucket } from '../../test/rig/s3/bucket.ts';
import { Gateway } from '../../test/rig/s3/gateway.ts';
import { output, seconds, VLB } from '../lib/command.ts';
import { type Contender, compare, printFigures } from '../lib/compare.ts';
import { writeScript } from '../lib/project.ts';
import type { Scratch } from '../lib/scratch.ts';

const ROUNDS = 5;
const REGION = 'us-east-1';

/** 512 MiB: half of it chance, half of it what a disk has, a tree of programs and texts. */
const DISK = `#!/bin/sh
# vlb: from scratch
# vlb: disk-size 600M
set -eu
{ head -c 256M /dev/urandom; tar -c -f - /usr/bin /usr/lib 2>/dev/null | head -c 256M; } > "$3"
`;

export async function sharedCache(scratch: Scratch): Promise<void> {
  await using gateway = await Gateway.start();
  using bucket = await TestBucket.create('bench', gateway);
  const project = scratch.make('shared');
  writeFileSync(path.join(project, 'vlb.yaml'), bucket.config());
  writeScript(project, '10_large', 'modify-disk', DISK);
  const env = bucket.env();
  const build = () => seconds([VLB, '-C', project, 'build'], { env });
  const pushed = build();
  const [artifact = ''] = readdirSync(path.join(project, '.vlb/store/sha256'));
  const { accessKey, secretKey } = gateway.user;
  const url = `${gateway.endpoint}/${bucket.name}/team/trusted/artifacts/${artifact}.zst`;
  const signed = `--aws-sigv4 aws:amz:${REGION}:s3 --user ${accessKey}:${secretKey}`;
  const curl = `curl -sf -H x-amz-content-sha256:UNSIGNED-PAYLOAD ${signed} ${url}`;
  const copy = path.join(project, 'copy');
  const contenders: Contender[] = [
    {
      name: 'curl | zstd -d > file',
      run: () => {
        rmSync(copy, { force: true });
        return seconds(['sh', '-c', `${curl} | zstd -q -d > ${copy}`]);
      },
    },
    {
      name: 'and flushed, and hashed',
      run: () => {
        rmSync(copy, { force: true });
        return seconds(['sh', '-c', `${curl} | zstd -q -d > ${copy}; sync ${copy}; sha256sum < ${copy}`]);
      },
    },
    {
      name: 'vlb build, all of it fetched',
      run: () => {
        for (const place of ['.vlb', 'build']) rmSync(path.join(project, place), { recursive: true });
        return build();
      },
    },
  ];
  printFigures(await compare(contenders, ROUNDS));
  const object = output(['sh', '-c', `${curl} | wc -c`]).trim();
  process.stdout.write(`  built and pushed in ${pushed.toFixed(1)} s; the object has ${object} bytes\n`);
}
