// The logs of a layer's runs: the last one and a few before it, and a note while the last one is running.

import { lstatSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { failAt, ok, type Result } from '../../model/failure.ts';
import type { ProjectPaths } from '../../project/project.ts';
import { makeDirectories, textIfAny } from '../../util/fs.ts';
import type { Context } from '../run-context.ts';

/** How many logs of a layer are stored in addition to the last one. */
export const EARLIER_LOGS = 4;

/**
 * The file with the output of a layer's last run, or of an earlier one. (Layer names do not contain ~.)
 */
export function logFile(layer: string, { logs }: Pick<ProjectPaths, 'logs'>, runsAgo = 0): string {
  return path.join(logs, runsAgo === 0 ? `${layer}.log` : `${layer}~${runsAgo}.log`);
}

export interface OpenLog {
  readonly descriptor: number;
  /** Call it when the run has ended and its log is closed. */
  end(): void;
}

let started = 0;

/** Begins the log of a layer's run, and renames the earlier ones. Fails as `host` when it cannot be written. */
export function openLog(layer: string, { paths, owner }: Pick<Context, 'paths' | 'owner'>): Result<OpenLog> {
  const file = logFile(layer, paths);
  const note = noteFile(layer, paths);
  try {
    makeDirectories(paths.logs);
    for (let runsAgo = EARLIER_LOGS; runsAgo > 0; runsAgo--) {
      moveFile(logFile(layer, paths, runsAgo - 1), logFile(layer, paths, runsAgo));
    }
    writeFileSync(note, `${owner}-${started++}`);
    return ok({ descriptor: openSync(file, 'w'), end: () => rmSync(note, { force: true }) });
  } catch (error) {
    return failAt(file, `cannot write the log of layer ${layer}`, error);
  }
}

/** The name of the run that is writing a layer's log now, which begins with its process's; undefined when none is. */
export function runningNow(
  layer: string,
  paths: Pick<ProjectPaths, 'logs'>,
  isAlive: (owner: string) => boolean,
): string | undefined {
  const name = textIfAny(noteFile(layer, paths));
  return name !== undefined && isAlive(name) ? name : undefined;
}

function noteFile(layer: string, { logs }: Pick<ProjectPaths, 'logs'>): string {
  return path.join(logs, `${layer}.running`);
}

/** A symbolic link that the user made stays, and is written through. */
function moveFile(from: string, to: string): void {
  if (lstatSync(from, { throwIfNoEntry: false })?.isFile()) renameSync(from, to);
}
