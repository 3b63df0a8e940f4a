// Checks of images: test boots whose failure fails the build. What passed is remembered for the same disk, command and options.

import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Artifact, artifactFile, mainDisk } from '../model/artifact.ts';
import { type Failure, failAt, ok, type Result } from '../model/failure.ts';
import { type ImageBooter, SEED_DIRECTORY } from '../model/ports/booter.ts';
import type { ImageCheck, NamedImage } from '../model/project.ts';
import { attempt } from '../util/errors.ts';
import { isFile, makeDirectories, namesIn, textIfAny } from '../util/fs.ts';
import type { Context } from './run-context.ts';

/** The checks of a build. */
export interface ImageChecks {
  /** In the order in which they run. */
  readonly wanted: readonly WantedCheck[];
  /** Whether those run that passed before. */
  readonly forced: boolean;
  /** A digest of what guests get from the project at each test boot. */
  readonly seed: string;
  readonly booter: () => Promise<ImageBooter>;
}

export interface WantedCheck {
  readonly image: string;
  /** The layer of the image. */
  readonly layer: string;
  readonly check: ImageCheck;
}

/** Whether a check would run, and why. */
export interface CheckState extends WantedCheck {
  /** Undefined when it passed. */
  readonly reason: 'its layer has to be built' | 'it has not passed on this image' | 'forced' | undefined;
}

/** How many checks that passed are remembered for an image: enough for switching between branches. */
const REMEMBERED = 100;

/** What the output of a failed command is shown of, lines. */
const SHOWN_LINES = 20;

/** The checks of those images that a build makes, by their layers. */
export function checksOf(
  images: readonly NamedImage[],
  layerOf: ReadonlyMap<string, string>,
): readonly WantedCheck[] {
  return images.flatMap(({ name, checks = [] }) =>
    checks.map((check) => ({ image: name, layer: layerOf.get(name) ?? '', check })),
  );
}

/** @param project absolute path of its directory */
export function seedDigest(project: string): string {
  const hash = createHash('sha256');
  const directory = path.join(project, SEED_DIRECTORY);
  for (const name of namesIn(directory).toSorted()) {
    const file = path.join(directory, name);
    const content = isFile(file) ? attempt(() => readFileSync(file)) : undefined;
    if (content) hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** @param artifacts what there is of each layer */
export function checkStates(
  { wanted, forced, seed }: ImageChecks,
  artifacts: ReadonlyMap<string, Artifact>,
  state: string,
): readonly CheckState[] {
  return wanted.map((one) => {
    const artifact = artifacts.get(one.layer);
    if (!artifact) return { ...one, reason: 'its layer has to be built' };
    if (forced) return { ...one, reason: 'forced' };
    const isKnown = remembered(notesOf(one.image, state)).includes(keyOf(one.check, artifact, seed));
    return { ...one, reason: isKnown ? undefined : 'it has not passed on this image' };
  });
}

/**
 * Runs the checks that did not pass yet; those of an image with the same options in one boot. Fails with the first that fails: as
 * `work`, or as the test boot does.
 */
export async function runChecks(
  checks: ImageChecks,
  artifacts: ReadonlyMap<string, Artifact>,
  context: Context,
): Promise<Result<void>> {
  const due = checkStates(checks, artifacts, context.paths.state).filter(
    ({ reason }) => reason !== undefined,
  );
  const boots = Map.groupBy(due, ({ image, check: { run: _run, where: _where, ...options } }) =>
    JSON.stringify([image, options]),
  );
  for (const boot of boots.values()) {
    const [first] = boot;
    const artifact = first && artifacts.get(first.layer);
    if (!artifact) continue;
    const checked = await checkInOneBoot(boot, artifact, checks, context);
    if (!checked.ok) return checked;
  }
  return ok();
}

async function checkInOneBoot(
  boot: readonly WantedCheck[],
  artifact: Artifact,
  { booter: open, seed }: ImageChecks,
  { store, paths, emit, signal }: Context,
): Promise<Result<void>> {
  const waiting = [...boot];
  const passed: string[] = [];
  let startedAt = performance.now();
  let output: readonly string[] = [];
  const begin = () => {
    const [next] = waiting;
    startedAt = performance.now();
    if (next) emit({ type: 'check-started', image: next.image, check: next.check.run });
  };
  const end = (failure?: Failure) => {
    const ended = waiting.shift();
    if (!ended) return;
    emit({
      type: 'check-finished',
      image: ended.image,
      check: ended.check.run,
      outcome: failure ? 'failed' : 'passed',
      seconds: (performance.now() - startedAt) / 1000,
      ...(failure ? { failure } : {}),
    });
  };
  const booter = await open();
  const [{ image, check }] = [boot[0] ?? { image: '', check: undefined }];
  const lines = lineWise((line) => emit({ type: 'check-output', image, line }));
  begin();
  const checked = await booter.check(
    {
      image: path.join(store.artifactDirectory, artifactFile(artifact)),
      ...(check?.memory === undefined ? {} : { memoryMiB: Math.ceil(check.memory / 2 ** 20) }),
      cpus: check?.cpus,
      uefi: check?.uefi,
      seed: booter.defaultSeed(paths.project),
    },
    { commands: boot.map((one) => one.check.run), timeout: check?.timeout },
    {
      note: (line) => emit({ type: 'check-output', image, line }),
      console: lines,
      commandOutput({ stdout, stderr }, status) {
        const text = Buffer.concat([stdout, stderr]).toString();
        output = text.split('\n').filter((line) => line !== '');
        for (const line of output) emit({ type: 'check-output', image, line });
        const [done] = waiting;
        if (status !== 0 || !done) return;
        passed.push(keyOf(done.check, artifact, seed));
        end();
        begin();
      },
    },
    signal,
  );
  const noted = remember(notesOf(image, paths.state), passed);
  if (checked.ok) return noted;
  const failed = waiting[0] && checkFailed(waiting[0], checked.failure, output);
  end(failed);
  return { ok: false, failure: failed ?? checked.failure };
}

function checkFailed({ image, check }: WantedCheck, failure: Failure, output: readonly string[]): Failure {
  if (failure.kind === 'interrupted') return failure;
  const { message, hint, detail = [], ...more } = failure;
  return {
    ...more,
    message: `a check of image ${image} failed: ${check.run}: ${message}`,
    where: check.where,
    detail: failure.exitStatus === undefined ? detail : output.slice(-SHOWN_LINES),
    hint: hint ?? `see vlb test-boot ${image}`,
  };
}

/** Everything that the result of a check depends on, but not how long it may take. */
function keyOf({ run, memory, cpus, uefi }: ImageCheck, artifact: Artifact, seed: string): string {
  const { digest } = mainDisk(artifact);
  const text = JSON.stringify({ schema: 1, digest, run, memory, cpus, uefi, seed });
  return createHash('sha256').update(text).digest('hex');
}

function notesOf(image: string, state: string): string {
  return path.join(state, 'checks', image);
}

function remembered(notes: string): readonly string[] {
  return (textIfAny(notes) ?? '').split('\n').filter((line) => line !== '');
}

function remember(notes: string, keys: readonly string[]): Result<void> {
  if (keys.length === 0) return ok();
  const all = [...remembered(notes).filter((key) => !keys.includes(key)), ...keys].slice(-REMEMBERED);
  try {
    makeDirectories(path.dirname(notes));
    writeFileSync(`${notes}~`, all.map((key) => `${key}\n`).join(''));
    renameSync(`${notes}~`, notes);
    return ok();
  } catch (error) {
    return failAt(notes, 'cannot write what passed', error);
  }
}

/** Passes on whole lines. */
function lineWise(write: (line: string) => void): (text: string) => void {
  let held = '';
  return (text) => {
    const lines = (held + text).split('\n');
    held = lines.pop() ?? '';
    for (const line of lines) write(line);
  };
}
