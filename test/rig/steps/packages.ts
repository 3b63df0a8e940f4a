// Packages for tests, made by the tools of this machine: small, and without content except for a file with their version.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface Package {
  readonly name: string;
  readonly version: string;
  /** A package that is installed with it unless that is not wanted. */
  readonly recommends?: string;
}

/** Makes NAME_VERSION.deb in a directory. Installed, it has /opt/NAME with the version. */
export function makeDeb(directory: string, { name, version, recommends }: Package): void {
  inTemporary((work) => {
    mkdirSync(path.join(work, 'DEBIAN'));
    mkdirSync(path.join(work, 'opt'));
    writeFileSync(path.join(work, 'opt', name), `${version}\n`);
    const control = [
      `Package: ${name}`,
      `Version: ${version}`,
      'Architecture: all',
      'Maintainer: test <test@example.org>',
      'Description: for a test',
      ...(recommends === undefined ? [] : [`Recommends: ${recommends}`]),
    ];
    writeFileSync(path.join(work, 'DEBIAN/control'), `${control.join('\n')}\n`);
    execFileSync(
      'dpkg-deb',
      ['--root-owner-group', '--build', work, path.join(directory, `${name}_${version}.deb`)],
      { stdio: 'pipe' },
    );
  });
}

/** Makes NAME-VERSION.rpm in a directory, with the same content. */
export function makeRpm(directory: string, { name, version, recommends }: Package): void {
  inTemporary((work) => {
    const spec = [
      `Name: ${name}`,
      `Version: ${version}`,
      'Release: 1',
      'Summary: for a test',
      'License: none',
      'BuildArch: noarch',
      ...(recommends === undefined ? [] : [`Recommends: ${recommends}`]),
      '%description',
      'For a test.',
      '%install',
      'mkdir -p %{buildroot}/opt',
      `echo ${version} > %{buildroot}/opt/${name}`,
      '%files',
      `/opt/${name}`,
    ];
    writeFileSync(path.join(work, 'x.spec'), `${spec.join('\n')}\n`);
    execFileSync('rpmbuild', ['-bb', '--quiet', '--define', `_topdir ${work}`, path.join(work, 'x.spec')], {
      stdio: 'pipe',
    });
    const built = path.join(work, 'RPMS/noarch');
    const [file = ''] = readdirSync(built);
    renameSync(path.join(built, file), path.join(directory, `${name}-${version}.rpm`));
  });
}

/** A signing key without passphrase: the public and the secret one in ASCII armor, and the fingerprint. */
export function makeKey(): {
  readonly publicKey: string;
  readonly secretKey: string;
  readonly fingerprint: string;
} {
  let made = { publicKey: '', secretKey: '', fingerprint: '' };
  inTemporary((home) => {
    const gpg = (...words: readonly string[]) =>
      execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--passphrase', '', ...words], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    gpg('--quick-generate-key', 'test <test@example.org>', 'ed25519', 'sign', 'never');
    made = {
      publicKey: gpg('--armor', '--export'),
      secretKey: gpg('--armor', '--export-secret-keys'),
      fingerprint: /^fpr:+([0-9A-F]{40}):/m.exec(gpg('--list-keys', '--with-colons'))?.[1] ?? '',
    };
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']);
  });
  return made;
}

function inTemporary(work: (directory: string) => void): void {
  const directory = mkdtempSync(path.join(tmpdir(), 'vlb-pack-'));
  try {
    work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
