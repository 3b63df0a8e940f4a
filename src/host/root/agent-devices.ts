// The commands of the root side about devices, one typed function each: agent/devices.sh and tools. See agent.ts.

import { fail, ok, type Result } from '../../model/failure.ts';
import { attempt } from '../../util/errors.ts';
import { asked, done, printed } from './answers.ts';
import type { RootShell } from './root-shell.ts';

/** A range of a device, in bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** Attaches a file to a free loop device, whose name is also written to the file `note`. Returns the device. */
export async function attachLoop(
  shell: RootShell,
  { file, note, readOnly, sectorSize }: { file: string; note: string; readOnly: boolean; sectorSize: number },
): Promise<Result<string>> {
  const options = [...(readOnly ? ['--read-only'] : []), '--sector-size', String(sectorSize)];
  const device = await printed(shell, ['attach_loop', file, note, ...options]);
  return device.ok ? ok(device.value.trim()) : device;
}

/** Returns a loop device that is free at this moment. */
export async function freeLoop(shell: RootShell): Promise<Result<string>> {
  const device = await printed(shell, ['losetup', '--find']);
  return device.ok ? ok(device.value.trim()) : device;
}

/** Waits until a daemon has written to a file; `yes` is false if it ended before, and `stderr` is what it printed. */
export function awaitFile(shell: RootShell, file: string, daemon: string) {
  return asked(shell, ['await_file', file, daemon]);
}

/**
 * Waits until the qemu-nbd with the process id `daemon` has connected a network block device; `yes` is false if it ended
 * before. Its messages are in the file `said`.
 */
export function awaitConnected(shell: RootShell, device: string, daemon: string, said: string) {
  return asked(shell, ['await_connected', device.replace('/dev/', '/sys/block/'), daemon, said]);
}

/** Waits up to a minute for a path in /sys to disappear. Returns whether it did. */
export async function awaitAbsent(shell: RootShell, file: string): Promise<Result<boolean>> {
  const gone = await asked(shell, ['await_absent', file]);
  return gone.ok ? ok(gone.value.yes) : gone;
}

/** Starts a daemon apart from the file systems of disks. Returns its process id. */
export function startDaemon(shell: RootShell, argv: readonly string[]): Promise<Result<string>> {
  return shell.start(['outside', ...argv]);
}

/** Starts a daemon that holds a lock file while it runs; its messages go to the file `said`. Returns its process id. */
export function startLocked(
  shell: RootShell,
  { lock, said, argv }: { lock: string; said: string; argv: readonly string[] },
): Promise<Result<string>> {
  return shell.start(['locked', lock, said, ...argv]);
}

/** Makes two named pipes, NAME.in and NAME.out, for the monitor of a daemon. */
export function makePipe(shell: RootShell, name: string) {
  return done(shell, ['mkfifo', '-m', '600', `${name}.in`, `${name}.out`]);
}

/**
 * Sends commands to the monitor of a daemon while the file systems at a root and below hold still, complete on their disk. Fails as
 * `host` with the daemon's answer when one of the commands does.
 */
export function continueDisk(shell: RootShell, root: string, pipe: string, commands: readonly string[]) {
  return done(shell, ['continue_disk', root, pipe, ...commands]);
}

/** Makes the file systems at a root and below complete on their disk, with no write until `letGo`. Returns what that has to know. */
export async function holdStill(shell: RootShell, root: string): Promise<Result<readonly [string, string]>> {
  const held = await printed(shell, ['hold', root]);
  if (!held.ok) return held;
  const [frozen = '', still = ''] = held.value.split('\n');
  return ok([frozen, still]);
}

/** Ends what `holdStill` began. */
export function letGo(shell: RootShell, [frozen, still]: readonly [string, string]) {
  return done(shell, ['release', frozen, still]);
}

/** Disconnects a network block device. */
export function disconnectNbd(shell: RootShell, device: string) {
  return done(shell, ['qemu-nbd', '--disconnect', device]);
}

/** Whether the partition table of a disk is for sectors of 4096 bytes. */
export async function hasLargeSectors(shell: RootShell, file: string): Promise<Result<boolean>> {
  const large = await asked(shell, ['large_sectors', file]);
  return large.ok ? ok(large.value.yes) : large;
}

/** Writes what is in memory for a disk, and for what is mounted below a root, and returns how many sectors were written to it and discarded. */
export async function writtenTo(
  shell: RootShell,
  device: string,
  root: string | undefined,
): Promise<Result<number>> {
  const printedCount = await printed(shell, ['written_to', device, ...(root === undefined ? [] : [root])]);
  if (!printedCount.ok) return printedCount;
  const count = Number(printedCount.value);
  return Number.isSafeInteger(count)
    ? ok(count)
    : fail('host', `${device} has no count of what was written to it`);
}

/** Creates the nodes of a disk's partitions. A disk without a partition table is not a failure. */
export function addPartitions(shell: RootShell, device: string) {
  return done(shell, ['add_partitions', device]);
}

/** Makes the kernel forget the partitions of a disk that are no longer in its table. */
export function dropPartitions(shell: RootShell, device: string) {
  return done(shell, ['drop_partitions', device]);
}

/** A partition table: all numbers count sectors. */
export interface PartitionTable {
  readonly label: string;
  readonly sectors: number;
  readonly partitions: readonly { readonly number: number; readonly start: number }[];
}

/** The fields of `sfdisk --json` that are read here. */
interface SfdiskJson {
  readonly partitiontable: {
    readonly label: string;
    readonly partitions?: readonly { readonly node: string; readonly start: number }[];
  };
}

/** Reads the partition table of a disk; undefined if it has none. */
export async function partitionTable(
  shell: RootShell,
  device: string,
): Promise<Result<PartitionTable | undefined>> {
  const size = await printed(shell, ['blockdev', '--getsz', device]);
  if (!size.ok) return size;
  const answer = await shell.run(['sfdisk', '--json', device], [0, 1]);
  if (!answer.ok) return answer;
  if (answer.value.status !== 0) return ok(undefined);
  // The form is sfdisk's promise, but a virtual machine may answer with anything.
  const table = attempt(() => {
    const { partitiontable }: SfdiskJson = JSON.parse(answer.value.stdout);
    const { label, partitions = [] } = partitiontable;
    return {
      label: String(label),
      sectors: Number(size.value),
      partitions: partitions.map(({ node, start }) => ({
        number: Number(node.slice(`${device}p`.length)),
        start: Number(start),
      })),
    };
  });
  return table ? ok(table) : fail('host', `sfdisk printed no partition table of ${device}`);
}

/** Grows a partition to the end of a disk, and moves the backup of a GPT there. */
export function growPartition(shell: RootShell, device: string, partition: number) {
  return done(shell, ['grow_partition', device, String(partition)]);
}

/**
 * Returns what `probe_disk` prints: a line `volume DEVICE MAJOR:MINOR` for each partition, or for the disk if it has none, and
 * blkid's description of those that it recognizes, in its `export` format.
 */
export async function probeDisk(shell: RootShell, device: string): Promise<Result<string>> {
  // blkid's status 2: nothing recognized on one of them.
  const answer = await shell.run(['probe_disk', device], [0, 2, 8]);
  return answer.ok ? ok(answer.value.stdout) : answer;
}

/** The same for volumes that are opened, by their devices. */
export async function probeVolumes(shell: RootShell, devices: readonly string[]): Promise<Result<string>> {
  const answer = await shell.run(['probe_volumes', ...devices], [0, 2, 8]);
  return answer.ok ? ok(answer.value.stdout) : answer;
}

/** Opens a LUKS volume as /dev/mapper/NAME. Returns false if no passphrase in these files fits, which are removed. */
export async function openLuks(
  shell: RootShell,
  device: string,
  name: string,
  files: readonly string[],
): Promise<Result<boolean>> {
  const answer = await shell.run(['open_luks', device, name, ...files], [0, 2]);
  return answer.ok ? ok(answer.value.status === 0) : answer;
}

/** Gives a volume that is open, and not mounted, another name in /dev/mapper. */
export function renameMapped(shell: RootShell, from: string, to: string) {
  return done(shell, ['dmsetup', 'rename', '--noudevsync', from, to]);
}

/**
 * Activates the volume groups on these devices. Returns their volumes; a name is VG/LV.
 * @param suffix of the names that the groups get on their disk, with other UUIDs; without it they stay as they are
 */
export async function openGroups(
  shell: RootShell,
  devices: readonly string[],
  suffix = '',
): Promise<Result<readonly { readonly device: string; readonly name: string }[]>> {
  const text = await printed(shell, ['open_groups', suffix, ...devices]);
  if (!text.ok) return text;
  const lines = [...text.value.matchAll(/^(\/dev\/mapper\/[\w+.-]+) (\S+)$/gm)];
  return ok(lines.map(([, device = '', name = '']) => ({ device, name })));
}

/** Closes all that was opened of a disk: LUKS and LVM. Fails as `host` where it is still in use. */
export function closeStacked(shell: RootShell, device: string) {
  return done(shell, ['close_stacked', device]);
}

/** Writes to a device what is still in the kernel's memory. Fails as `host` when something could not be written. */
export function flush(shell: RootShell, device: string) {
  return done(shell, ['sync', device]);
}

/** Whether a daemon has ended; it may still be a zombie, since the shell has not waited for it. */
export async function hasEnded(shell: RootShell, daemon: string): Promise<boolean> {
  const pattern = '^State:[[:space:]]*[^ZX[:space:]]';
  const alive = await shell.run(['grep', '-q', pattern, `/proc/${daemon}/status`], [0, 1, 2]);
  return alive.ok && alive.value.status !== 0;
}

/** Makes older kernels forget a device of a btrfs; without the tool for that, nothing happens. */
export function forgetBtrfs(shell: RootShell, device: string) {
  return done(shell, ['btrfs', 'device', 'scan', '--forget', device], [0, 1, 127]);
}

/** Whether root can open a device: fails as `host` if not. */
export function tryOpening(shell: RootShell, device: string) {
  return done(shell, ['dd', `if=${device}`, 'of=/dev/null', 'count=0']);
}

/** Returns bytes of a device: fewer at its end. */
export async function readBytes(
  shell: RootShell,
  device: string,
  { offset, length }: ByteRange,
): Promise<Result<Buffer>> {
  const text = await printed(shell, ['read_bytes', device, String(offset), String(length)]);
  return text.ok ? ok(Buffer.from(text.value, 'base64')) : text;
}

/** Discards ranges of a device. Fails as `host` while a file system on it is mounted. */
export function discard(shell: RootShell, device: string, ranges: readonly ByteRange[]) {
  const words = ranges.flatMap(({ offset, length }) => [String(offset), String(length)]);
  return done(shell, ['discard_ranges', device, ...words]);
}

/** Prints the device with a serial number, as soon as the guest has it. */
const FIND = `tries=0
while [ "$tries" -lt 3000 ]; do
  for disk in /sys/block/nvme*; do
    read -r serial <"$disk/device/serial" || continue
    [ "$serial" != "$1" ] || [ ! -b "/dev/\${disk##*/}" ] || { echo "/dev/\${disk##*/}"; exit; }
  done 2>/dev/null
  tries=$((tries + 1))
  sleep 0.01
done
exit 1`;

/** Waits up to half a minute for an NVMe device with a serial number. Returns the device, as the root side names it. */
export async function findDisk(shell: RootShell, serial: string): Promise<Result<string>> {
  const device = await printed(shell, ['sh', '-c', FIND, 'sh', serial]);
  return device.ok ? ok(device.value.trim()) : device;
}

/** Lets nobody on the root side's machine write to a device. */
export function markReadOnly(shell: RootShell, device: string) {
  return done(shell, ['blockdev', '--setro', device]);
}

/**
 * Makes the ext4 of a cache usable after the machine that wrote it was killed, with nothing on it where it cannot be repaired. Its files
 * are in the directory `content`.
 */
export function repairVolume(shell: RootShell, device: string) {
  return done(shell, ['repair_volume', device]);
}
