// Base images in every format that qemu-img reads and in every packing; what is incomplete, encrypted or hostile, or no image, is
// refused.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { APP, BaseImages } from '../rig/base-images.ts';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { SmallPlace } from '../rig/small.ts';

const images = new BaseImages();

before(async () => {
  await images.make('base', { size: '64M' });
  images.run('cp', 'base.raw', 'disk.raw');
});
after(() => images[Symbol.dispose]());

/** Converts the disk to a format, with options of qemu-img. */
function convert(name: string, format: string, ...options: readonly string[]): void {
  images.run('qemu-img', 'convert', '-O', format, ...options, 'base.qcow2', name);
}

/** Makes an OVA of these files, whose descriptor names the last of them as the first disk. */
function ova(name: string, ...files: readonly string[]): void {
  const references = files.map((file, id) => `<File ovf:id="f${id}" ovf:href="${file}"/>`);
  const disks = files.map((_, id) => `<Disk ovf:diskId="d${id}" ovf:fileRef="f${id}"/>`).reverse();
  const body = `<References>${references.join('')}</References><DiskSection>${disks.join('')}</DiskSection>`;
  const comment = '<!-- <Disk ovf:fileRef="f9"/> -->';
  writeFileSync(images.path('app.ovf'), `<?xml version="1.0"?>\n<Envelope>${comment}${body}</Envelope>\n`);
  images.run('tar', '-cf', name, 'app.ovf', ...files);
}

function shell(commands: string): void {
  images.run('sh', '-euc', commands);
}

/** QEMU measures the CPU time of each image it encrypts, and on some machines it often cannot: "Unable to get accurate CPU usage". */
function encrypted(name: string, format: string, options: string): void {
  const create = `qemu-img create -q -f ${format} --object secret,id=s,data=x -o ${options} ${name} 8M`;
  shell(`for try in $(seq 100); do if ${create} 2>error; then exit; fi; done; cat error >&2; exit 1`);
}

const GOOD: Readonly<Record<string, (name: string) => void>> = {
  'a.vmdk': (name) => convert(name, 'vmdk'),
  'stream.vmdk': (name) => convert(name, 'vmdk', '-o', 'subformat=streamOptimized'),
  'a.vhdx': (name) => convert(name, 'vhdx'),
  'dynamic.vhd': (name) => convert(name, 'vpc'),
  'fixed.vhd': (name) => convert(name, 'vpc', '-o', 'subformat=fixed,force_size=on'),
  'a.vdi': (name) => convert(name, 'vdi'),
  'a.qed': (name) => convert(name, 'qed'),
  'compressed.qcow2': (name) => convert(name, 'qcow2', '-c'),
  'zstd.qcow2': (name) => convert(name, 'qcow2', '-c', '-o', 'compression_type=zstd'),
  'snapshots.qcow2': (name) => {
    convert(name, 'qcow2');
    images.run('qemu-img', 'snapshot', '-c', 'before', name);
  },
  'base.raw.bz2': () => images.run('bzip2', '--keep', 'base.raw'),
  'skippable.zst': (name) =>
    shell(
      `{ printf 'P*M\\030\\004\\0\\0\\0pzst'; zstd -qc1 base.raw; printf '_*M\\030\\0\\0\\0\\0'; } > ${name}`,
    ),
  'frames.zst': (name) => shell(`split -b 20M --filter 'zstd -qc1' base.raw > ${name}`),
  'members.gz': (name) => shell(`split -b 20M --filter 'gzip -c1' base.raw > ${name}`),
  'streams.xz': (name) =>
    shell(`{ split -b 20M --filter 'xz -c0' base.raw; printf '\\0\\0\\0\\0'; } > ${name}`),
  'streams.bz2': (name) => shell(`split -b 20M --filter 'bzip2 -c1' base.raw > ${name}`),
  'frames.lz4': (name) => shell(`split -b 20M --filter 'lz4 -qc' base.raw > ${name}`),
  'a.lzma': (name) => shell(`xz -c0 --format=lzma base.raw > ${name}`),
  'twice.zst.gz': (name) => shell(`zstd -qc1 base.raw | gzip -c1 > ${name}`),
  'a.zip': (name) => {
    mkdirSync(images.path('__MACOSX'));
    writeFileSync(images.path('__MACOSX/._[disk] 1.raw'), 'no disk');
    images.run('cp', 'base.raw', '[disk] 1.raw');
    images.run('zip', '-q', '-r', name, '[disk] 1.raw', '__MACOSX');
  },
  'gce.tar.gz': (name) => images.run('tar', '--format=oldgnu', '-Sczf', name, 'disk.raw'),
  'debian.tar.xz': (name) => {
    writeFileSync(images.path('README'), 'no disk');
    images.run('tar', '-cJf', name, './README', './disk.raw');
  },
  'packed-twice.tar': (name) => {
    images.run('gzip', '-1', '--keep', 'disk.raw');
    images.run('tar', '-cf', name, 'disk.raw.gz');
  },
  'appliance.ova': (name) => {
    writeFileSync(images.path('other.vmdk'), 'not the first one');
    ova(name, 'other.vmdk', 'stream.vmdk');
  },
};

test('each format and packing is imported', async (t) => {
  for (const [name, make] of Object.entries(GOOD)) {
    make(name);
    await t.test(name, async () => {
      await using project = new TestProject({ ...APP, 'vlb.yaml': `base: ${images.path(name)}\n` });
      const built = await project.build(['--flatten']);
      assert.equal(built.outcomes, 'base built, 10_app built', built.told);
      assert.equal(built.output, 'ID=tiny');
      assert.deepEqual(leftovers(project), []);
      const image = project.path('build/image.qcow2');
      const info = JSON.parse(images.run('qemu-img', 'info', '--output=json', image));
      assert.equal(info.snapshots, undefined);
      // A dynamic VHD has the size of its geometry.
      if (name !== 'dynamic.vhd') assert.equal(info['virtual-size'], 64 * 1024 * 1024);
    });
  }
});

const SECRET = 'ID=secret of the host';

/** Images that must not be imported, with the error that each gives. */
const BAD: Readonly<Record<string, readonly [make: (name: string) => unknown, says: RegExp]>> = {
  'delta.qcow2': [
    (name) => images.run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', name),
    /is incomplete: it refers to the backing file base\.raw/,
  ],
  'evil.raw': [
    (name) => {
      images.run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', images.path('secret'), '-F', 'raw', name);
      truncateSync(images.path(name), 64 * 1024 * 1024);
    },
    /is incomplete: it refers to the backing file .*secret/,
  ],
  'data.qcow2': [
    (name) => {
      const data = `data_file=${images.path('data')},data_file_raw=on`;
      images.run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', data, name, '64M');
      writeFileSync(images.path('data'), SECRET);
    },
    /is incomplete: it refers to an external data file/,
  ],
  'delta.qed': [
    (name) => images.run('qemu-img', 'create', '-q', '-f', 'qed', '-b', 'base.raw', '-F', 'raw', name),
    /is incomplete: it refers to the backing file base\.raw/,
  ],
  'delta.vmdk': [
    (name) => images.run('qemu-img', 'create', '-q', '-f', 'vmdk', '-b', 'a.vmdk', '-F', 'vmdk', name),
    /is incomplete: it refers to the backing file a\.vmdk/,
  ],
  'descriptor.vmdk': [
    (name) => writeFileSync(images.path(name), descriptor(images.path('secret'))),
    /is incomplete: it refers to other files/,
  ],
  'embedded.vmdk': [
    (name) => {
      // A header without a capacity makes QEMU read the descriptor behind it as if it were a file.
      const header = Buffer.alloc(64 * 1024);
      header.write('KDMV\x01\0\0\0\x03\0\0\0', 0, 'latin1');
      header.writeBigUInt64LE(1n, 28);
      header.writeBigUInt64LE(20n, 36);
      header.write(descriptor(images.path('secret')), 512);
      writeFileSync(images.path(name), header);
    },
    /is incomplete: it refers to other files/,
  ],
  'differencing.vhd': [
    (name) => {
      const bytes = readFileSync(images.path('dynamic.vhd'));
      for (const footer of [0, bytes.length - 512]) bytes.writeUInt32BE(4, footer + 60);
      writeFileSync(images.path(name), bytes);
    },
    /is incomplete: it refers to a parent disk/,
  ],
  'encrypted.qcow2': [
    (name) => encrypted(name, 'qcow2', 'encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10'),
    /is encrypted/,
  ],
  'encrypted.luks': [(name) => encrypted(name, 'luks', 'key-secret=s,iter-time=10'), /is encrypted/],
  'encrypted.zip': [(name) => images.run('zip', '-q', '-P', 'word', name, 'disk.raw'), /is encrypted/],
  'cut.vdi': [(name) => cut('a.vdi', name), /is truncated or damaged: it refers to data beyond its end/],
  'cut.vmdk': [(name) => cut('a.vmdk', name), /is truncated or damaged: it refers to data beyond its end/],
  'cut.vhdx': [(name) => cut('a.vhdx', name), /is truncated or damaged/],
  'cut.vhd': [(name) => cut('dynamic.vhd', name), /is truncated or damaged/],
  'cut.raw.bz2': [(name) => cut('base.raw.bz2', name), /is truncated or damaged/],
  'cut.tar.xz': [(name) => cut('debian.tar.xz', name), /is truncated or damaged: Unexpected end of input/],
  'cut.tar': [
    (name) => {
      images.run('tar', '-cf', 'whole.tar', 'disk.raw');
      cut('whole.tar', name);
    },
    /is truncated or damaged: Unexpected EOF in archive/,
  ],
  'cut.zip': [(name) => cut('a.zip', name), /is truncated or damaged/],
  'cut.zst': [
    (name) => {
      shell('zstd -qc1 base.raw > whole.zst');
      cut('whole.zst', name);
    },
    /is truncated or damaged: unexpected end of file/,
  ],
  'cut.lz4': [(name) => cut('frames.lz4', name), /is truncated or damaged: unexpected end of file/],
  'garbage.zst': [
    (name) => shell(`{ zstd -qc1 base.raw; echo garbage; } > ${name}`),
    /is truncated or damaged: unsupported format/,
  ],
  'cut.raw': [(name) => cut('base.raw', name), /is truncated or damaged: it refers to data beyond its end/],
  'cut-bare.raw': [
    (name) => shell(`mkfs.ext4 -q ${name} 8M; truncate -s 5M ${name}`),
    /is truncated or damaged: it refers to data beyond its end/,
  ],
  'cut-compressed.qcow2': [
    (name) => cut('compressed.qcow2', name),
    /is truncated or damaged: it refers to data beyond its end/,
  ],
  'pointer.qcow2': [
    (name) =>
      writeFileSync(
        images.path(name),
        'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n',
      ),
    /is a Git LFS pointer, not the image\n.*git lfs pull/,
  ],
  'page.qcow2': [
    (name) => writeFileSync(images.path(name), '<!DOCTYPE html>\n<html><title>404</title></html>\n'),
    /page\.qcow2 is an HTML page\n/,
  ],
  'text.raw': [
    (name) => writeFileSync(images.path(name), 'a line\n'.repeat(50_000)),
    /text\.raw is a text file\n.*begins with: a line/,
  ],
  'text.tar': [
    (name) => images.run('tar', '-cf', name, 'README'),
    /is an archive with no disk: .* a text file/,
  ],
  'page.gz': [
    (name) => shell(`gzip -c page.qcow2 > ${name}`),
    /is compressed, and what is in it is an HTML page/,
  ],
  'medium.iso': [
    (name) => images.run('xorriso', '-as', 'mkisofs', '-quiet', '-o', name, 'README'),
    /is an ISO image, as for installation media/,
  ],
  'program.img': [(name) => images.run('cp', '-L', '/bin/sh', name), /is a program or library \(ELF\)/],
  'two.tar': [
    (name) => images.run('tar', '-cf', name, 'disk.raw', 'a.vmdk', 'README'),
    /is an archive with 2 disks/,
  ],
  'none.zip': [(name) => images.run('zip', '-q', name, 'README', 'secret'), /is an archive with no disk/],
  'outside.tar': [
    (name) => images.run('tar', '-cPf', name, '--transform', 's,^,../../,', 'disk.raw'),
    /is an archive with a file outside of it: \.\.\/\.\.\/disk\.raw/,
  ],
  'link.tar': [
    (name) => {
      symlinkSync(images.path('secret'), images.path('link.raw'));
      images.run('tar', '-cf', name, 'link.raw');
    },
    /is an archive with no disk/,
  ],
  'missing.ova': [
    (name) => {
      ova('whole.ova', 'stream.vmdk', 'a.vmdk');
      images.run('tar', '--delete', '-f', 'whole.ova', 'a.vmdk');
      images.run('mv', 'whole.ova', name);
    },
    /is truncated or damaged: .*Not found in archive/,
  ],
};

function cut(whole: string, name: string): void {
  images.run('cp', whole, name);
  truncateSync(images.path(name), Math.floor(readFileSync(images.path(name)).length * 0.7));
}

function descriptor(file: string): string {
  return `# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\n\nRW 1 FLAT "${file}" 0\n`;
}

test('holes stay holes: a sparse image takes the space and the time of its data', async (t) => {
  shell(
    'cp --sparse=always base.raw holes.raw; truncate -s 2G holes.raw; zstd -q1 holes.raw; tar -Scf holes.tar holes.raw',
  );
  using small = new SmallPlace(images.path('small'), '30M');
  for (const name of ['holes.raw', 'holes.raw.zst', 'holes.tar']) {
    await t.test(name, async () => {
      await using project = new TestProject({ ...APP, 'vlb.yaml': `base: ${images.path(name)}\n` });
      const built = await project.build([], { env: { VLB_CACHE_DIR: `${small.directory}/${name}` } });
      assert.equal(built.outcomes, 'base built, 10_app built', built.told);
      assert.deepEqual(leftovers(project), []);
    });
  }
});

test('a wrong digest of what is no image says what it is', async () => {
  const yaml = `base: { path: ${images.path('page.qcow2')}, sha256: ${'0'.repeat(64)} }\n`;
  writeFileSync(images.path('page.qcow2'), '<!DOCTYPE html>\n<html><title>404</title></html>\n');
  await using project = new TestProject({ ...APP, 'vlb.yaml': yaml });
  const { finished } = await project.build();
  assert.match(
    finished?.failure?.message ?? '',
    /^the sha256 of the base image .* is not the one in vlb\.yaml$/,
  );
  assert.equal(finished?.failure?.detail?.at(-1), 'it is an HTML page');
});

test('what is incomplete, encrypted, truncated or hostile is refused with one error', async (t) => {
  writeFileSync(images.path('secret'), SECRET.padEnd(512));
  for (const [name, [make, says]] of Object.entries(BAD)) {
    make(name);
    await t.test(name, async () => {
      await using project = new TestProject({ ...APP, 'vlb.yaml': `base: ${images.path(name)}\n` });
      const ended = await project.vlb(['build', '--progress', 'plain']);
      assert.equal(ended.status, 2, ended.stderr);
      assert.match(ended.stderr, says);
      assert.equal(ended.stderr.match(/the base image/g)?.length, 1, ended.stderr);
      assert.doesNotMatch(ended.stderr, /\.mjs|\.tmp-/);
      assert.deepEqual(leftovers(project), []);
    });
  }
});
