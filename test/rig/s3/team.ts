// Machines that share a cache: each is a project directory with a store of its own, and between them is a bucket.

import { type Built, TestProject, type VlbOptions } from '../project.ts';
import { TestBucket } from './bucket.ts';
import type { Gateway } from './gateway.ts';

let count = 0;

/** A bucket of a test's own, and machines that share through it. */
export class Team implements AsyncDisposable {
  readonly bucket: TestBucket;
  readonly #machines: TestProject[] = [];

  private constructor(bucket: TestBucket) {
    this.bucket = bucket;
  }

  static async create(gateway: Gateway): Promise<Team> {
    return new Team(await TestBucket.create(`team-${count++}`, gateway));
  }

  /** @param more lines of vlb.yaml below `cache:` */
  machine(files: Readonly<Record<string, string>>, more = ''): TestProject {
    const machine = new TestProject({ ...files, 'vlb.yaml': this.bucket.config({ more }) });
    this.#machines.push(machine);
    return machine;
  }

  build(
    machine: TestProject,
    args: readonly string[] = [],
    { env = {}, ...options }: VlbOptions = {},
  ): Promise<Built> {
    return machine.build(args, { ...options, env: { ...this.bucket.env(), ...env } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.bucket[Symbol.dispose]();
    for (const machine of this.#machines) await machine[Symbol.asyncDispose]();
  }
}

/** What a build said that is no progress. */
export function notesOf(built: Built): string[] {
  return built.events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
}
