// What this machine has attached, mounted and running: the same before and after whatever vlb does.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NBD_DEVICES, type TestProject } from './project.ts';

/**
 * Everything of a project that is still held by the machine or left half done: loop devices, the tests' network block
 * devices, mounts in any namespace, processes, runs, drafts. Empty when all is clean.
 */
export function leftovers(project: TestProject): string[] {
  const found: string[] = [];
  const { directory } = project;
  for (const name of readdirSync('/sys/block').filter((entry) => entry.startsWith('loop'))) {
    const file = readOrEmpty(`/sys/block/${name}/loop/backing_file`);
    if (file.startsWith(directory)) found.push(`/dev/${name} is attached to ${file.trim()}`);
  }
  for (const device of NBD_DEVICES) {
    const pid = readOrEmpty(`/sys/block/${path.basename(device)}/pid`).trim();
    if (pid !== '') found.push(`${device} is attached by process ${pid}`);
  }
  const own = new Set(readOrEmpty('/proc/self/mounts').split('\n')); // what the test itself mounted
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    if (pid === String(process.pid)) continue;
    const command = readOrEmpty(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
    if (command.includes(directory)) found.push(`process ${pid} is running: ${command}`);
    const mounts = readOrEmpty(`/proc/${pid}/mounts`).split('\n');
    if (mounts.some((mount) => mount.includes(directory) && !own.has(mount)))
      found.push(`process ${pid} sees a mount below ${directory}`);
  }
  for (const run of namesIn(project.path('.vlb/runs'))) found.push(`the run ${run} was not removed`);
  for (const name of namesIn(project.path('.vlb/store/sha256'))) {
    if (name.startsWith('.tmp-')) found.push(`the draft ${name} was not removed`);
  }
  for (const name of namesIn(project.path('.vlb/store/leases'))) {
    found.push(`the lease of ${name} was not removed`);
  }
  for (const name of namesIn(project.path('build'))) {
    if (name.startsWith('.')) found.push(`build/${name} was not removed`);
  }
  return found;
}

/**
 * Waits until nothing of a project is left: the kernel takes a moment to end namespaces, longer on a machine with much to
 * do. Throws with what is left.
 * @param harmless what may stay
 */
export async function untilClean(
  project: TestProject,
  harmless: (found: string) => boolean = () => false,
): Promise<void> {
  let found: string[] = [];
  for (let tries = 0; tries < 400; tries++) {
    found = leftovers(project).filter((one) => !harmless(one));
    if (found.length === 0) return;
    await sleep(50);
  }
  throw new Error(`this is left:\n${found.join('\n')}`);
}

/**
 * Runs e2fsck on the first partition of an image (or its whole disk), and gives what it found wrong; '' when clean.
 * The image is turned into a raw file, so nothing of vlb's own way of attaching disks is trusted.
 */
export function checkFileSystem(image: string, scratch: string, partitionStart = 1024 * 1024): string {
  const raw = path.join(scratch, 'check.raw');
  execFileSync('qemu-img', ['convert', '-O', 'raw', image, raw]);
  try {
    const target = partitionStart === 0 ? raw : `${raw}?offset=${partitionStart}`;
    execFileSync('e2fsck', ['-fn', target], { stdio: 'pipe' });
    return '';
  } catch (error) {
    return String((error as { stdout?: Buffer }).stdout ?? error); // execFileSync's error carries the output
  } finally {
    execFileSync('rm', ['-f', raw]);
  }
}

/** The content of a file in the ext4 file system of an image; undefined when there is none. */
export function readFromImage(
  image: string,
  scratch: string,
  file: string,
  partitionStart = 1024 * 1024,
): string | undefined {
  const raw = path.join(scratch, 'read.raw');
  execFileSync('qemu-img', ['convert', '-O', 'raw', image, raw]);
  try {
    const text = execFileSync('debugfs', ['-R', `cat ${file}`, `${raw}?offset=${partitionStart}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    });
    const exists = execFileSync('debugfs', ['-R', `stat ${file}`, `${raw}?offset=${partitionStart}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    });
    return exists.includes('Inode:') ? text : undefined;
  } finally {
    execFileSync('rm', ['-f', raw]);
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
