// A project's directory with all that works on it, for the functions beside this file: planning, building, looking, sharing.
// Two workspaces of one process share nothing.

import path from 'node:path';
import type { Emit } from '../model/event.ts';
import { fail, failAt, ok, type Result } from '../model/failure.ts';
import { loadProject, type Project, type ProjectPaths, projectPaths } from '../project/project.ts';
import { markVersion, newerVersion } from '../util/format-version.ts';
import { directoryObstacle } from '../util/fs.ts';
import { ownerText } from '../util/owner-text.ts';
import { writeHint } from '../util/ownership.ts';
import type { Parts } from './parts.ts';

/** The version of what is in .vlb/, the store apart. */
const STATE_VERSION = 1;

export interface WorkspaceOptions {
  /** Path of the project, in which symbolic links are followed. */
  readonly directory: string;
  /** Path of the store; by default it is in the project. */
  readonly cacheDirectory?: string | undefined;
  /** Path of the directory with `.vlb` and `build`; by default that of the project. */
  readonly stateDirectory?: string | undefined;
}

export interface ProjectLock extends Disposable {
  /** Whether another build was waited for. */
  readonly waited: boolean;
}

export class Workspace {
  /** Canonical path of the project. */
  readonly directory: string;
  readonly paths: ProjectPaths;
  readonly parts: Parts;
  /** Whether the store is outside the project, in a directory that the caller named. */
  readonly hasOwnStore: boolean;

  constructor({ directory, cacheDirectory, stateDirectory }: WorkspaceOptions, parts: Parts) {
    this.paths = projectPaths(directory, cacheDirectory, stateDirectory);
    this.directory = this.paths.project;
    this.parts = parts;
    this.hasOwnStore = cacheDirectory !== undefined;
  }

  /**
   * Reads the project. Fails as `usage`, naming file and line, when anything in it is wrong, and as `host` when a newer vlb
   * wrote its state, or something else is where it keeps files.
   */
  async load(): Promise<Result<Project>> {
    const { state, build, store, runs } = this.paths;
    for (const file of [state, build, store, runs]) {
      const obstacle = directoryObstacle(file);
      if (obstacle) return fail('host', obstacle.why, { where: { file }, hint: obstacle.hint });
    }
    const newer = newerVersion(this.paths.state, STATE_VERSION);
    if (newer === undefined) return loadProject(this.directory, this.parts.environment.platform);
    const versions = `state version ${newer}; this one knows ${STATE_VERSION}`;
    return fail('host', `.vlb/ was written by a newer vlb (${versions})`, {
      where: { file: this.paths.state },
      hint: 'use that vlb, or remove .vlb/ with its logs, saved failed disks and, unless it is elsewhere, the store',
    });
  }

  /**
   * The right to build in the project, which one owner has at a time, as cargo has it for its target directory: the links
   * in build/, and the uncached artifacts that only the project refers to, would change under the other otherwise.
   */
  async lock(emit: Emit, signal: AbortSignal): Promise<Result<ProjectLock>> {
    let waited = false;
    const onWait = (owner: string) => {
      waited = true;
      const message = `waiting for ${ownerText(owner, this.parts.owner)}, which is building this project`;
      emit({ type: 'note', message });
    };
    const file = path.join(this.paths.state, 'lock');
    try {
      const lock = await this.parts.lock(file, onWait, signal);
      if (!lock) return fail('interrupted', 'interrupted while waiting for another build');
      try {
        markVersion(this.paths.state, STATE_VERSION);
      } catch (error) {
        lock[Symbol.dispose]();
        throw error;
      }
      return ok({ waited, [Symbol.dispose]: () => lock[Symbol.dispose]() });
    } catch (error) {
      return cannotWriteState(this.paths, file, error);
    }
  }
}

/** The failure of a write below .vlb/, where the state of a project is. */
export function cannotWriteState(
  { state, build }: ProjectPaths,
  file: string,
  error: unknown,
): Result<never> {
  return failAt(file, 'cannot write the state of the project', error, writeHint(error, [state, build]));
}
