// Does the steps of a plan: each is one thing that libvirt does whole or not at all, or that the next deployment does again.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { MAIN_DISK } from '../../model/artifact.ts';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { Machine } from '../../model/machine/machine.ts';
import type { DeployListener, DeploySource, DeployWish } from '../../model/ports/deployer.ts';
import type { DeployTools } from '../tools.ts';
import { checkGuest } from './checks.ts';
import { type ConsoleWatch, watchConsole } from './console.ts';
import { firstDefinition, readDomain, withState } from './domain.ts';
import type { Step } from './plan.ts';
import type { OpenPool } from './pool.ts';
import type { DeployState, SystemDisk } from './state.ts';
import { isOff, shutDown, type Virsh } from './virsh.ts';

export interface RunnerOptions {
  readonly virsh: Virsh;
  readonly pool: OpenPool;
  /** Of the pool. */
  readonly directory: string;
  /** The names of the files in the pool. */
  readonly files: ReadonlySet<string>;
  readonly wish: Omit<DeployWish, 'target'>;
  readonly tools: DeployTools;
  readonly source: DeploySource;
  readonly listener: DeployListener;
  /** Of the domain, before the deployment. */
  readonly before: DeployState | undefined;
}

export class StepRunner implements Disposable {
  readonly listener: DeployListener;
  readonly #options: RunnerOptions;
  readonly #name: string;
  /** The files in the pool now. */
  readonly #files: Set<string>;
  /** The disks whose agent answered in this deployment. */
  readonly #withAgent = new Set<string>();
  #current: string | undefined;
  #console: ConsoleWatch | undefined;
  #expectsAgent: boolean;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.listener = options.listener;
    this.#name = options.wish.machine.name;
    this.#files = new Set(options.files);
    const { before } = options;
    this.#current = before?.current.file;
    this.#expectsAgent =
      before !== undefined && [before.current, ...before.earlier].some(({ hasAgent }) => hasAgent);
  }

  /** Does steps up to the first that fails. */
  async all(steps: readonly Step[], signal: AbortSignal): Promise<Result<void>> {
    for (const step of steps) {
      if (signal.aborted) return fail('interrupted', 'the deployment was interrupted');
      const done = await this.#one(step, signal);
      if (!done.ok) return done;
    }
    return ok();
  }

  [Symbol.dispose](): void {
    this.#console?.[Symbol.dispose]();
  }

  #one(step: Step, signal: AbortSignal): Promise<Result<void>> {
    switch (step.type) {
      case 'define':
        this.listener.stage('define');
        return this.#define(step.state);
      case 'record':
        return this.#record(step.state);
      case 'copy':
        return this.#copy(step.disk, signal);
      case 'copy data':
        return this.#copyData(signal);
      case 'stop':
        this.listener.stage('shut down');
        return this.#stop(signal);
      case 'start':
        this.listener.stage('start');
        return this.#start();
      case 'check':
        this.listener.stage('check');
        return this.#check(signal);
      case 'remove':
        return this.#remove(step.files);
      case 'clear':
        return this.#clear(step.files);
    }
  }

  async #define(state: DeployState): Promise<Result<void>> {
    const { source, wish, directory } = this.#options;
    const files = new Map(dataNames(wish.machine).map(([disk, file]) => [disk, `${directory}/${file}`]));
    const file = definitionIn(source.directory ?? '', wish.machine);
    try {
      const xml = firstDefinition(
        readFileSync(file, 'utf8'),
        state,
        files.set(MAIN_DISK, state.current.file),
      );
      return await this.#options.virsh.define(xml);
    } catch (error) {
      return failAt(file, 'cannot read the definition', error);
    }
  }

  async #record(state: DeployState): Promise<Result<void>> {
    const { virsh } = this.#options;
    if (state.current.file !== this.#current && state.phase !== 'new') this.listener.stage('switch');
    else if (state.phase === 'settled' && !state.next) this.listener.stage('settle');
    const xml = await this.#definition();
    if (!xml.ok) return xml;
    const seen = (disk: SystemDisk) => (this.#withAgent.has(disk.file) ? { ...disk, hasAgent: true } : disk);
    const defined = await virsh.define(
      withState(xml.value, { ...state, current: seen(state.current), earlier: state.earlier.map(seen) }),
    );
    if (!defined.ok) return defined;
    this.#current = state.current.file;
    return ok();
  }

  #definition(): Promise<Result<string>> {
    return this.#options.virsh.run(['dumpxml', '--inactive', '--security-info', this.#name]);
  }

  async #copy({ file }: SystemDisk, signal: AbortSignal): Promise<Result<void>> {
    this.listener.stage('copy');
    this.#current ??= file;
    return this.#copyFile(`${this.#name}.qcow2`, path.basename(file), signal);
  }

  async #copyData(signal: AbortSignal): Promise<Result<void>> {
    for (const [, file] of dataNames(this.#options.wish.machine)) {
      const copied = await this.#copyFile(file, file, signal);
      if (!copied.ok) return copied;
    }
    return ok();
  }

  /** @param source the name of a file of the export */
  async #copyFile(source: string, name: string, signal: AbortSignal): Promise<Result<void>> {
    const file = path.join(this.#options.source.directory ?? '', source);
    this.#files.add(name);
    return this.#options.pool.copy(file, name, signal, (bytes, total) =>
      this.listener.progress(bytes, total),
    );
  }

  async #stop(signal: AbortSignal): Promise<Result<void>> {
    const { virsh, wish } = this.#options;
    this.#console?.[Symbol.dispose]();
    this.#console = undefined;
    const state = await virsh.state(this.#name);
    if (!state.ok) return state;
    if (!isOff(state.value) && (await virsh.agentAnswers(this.#name))) {
      if (this.#current !== undefined) this.#withAgent.add(this.#current);
      this.#expectsAgent = true;
    }
    return shutDown(virsh, this.#name, wish.timeout, (message) => this.listener.note(message), signal);
  }

  /** Does nothing for a guest that runs already. One whose console is checked starts when that is attached. */
  async #start(): Promise<Result<void>> {
    const { virsh, wish } = this.#options;
    const state = await virsh.state(this.#name);
    if (!state.ok) return state;
    const { check } = wish;
    const watched = check.type === 'console' ? check.pattern : undefined;
    const isRunning = !isOff(state.value);
    if (!isRunning) {
      const started = await virsh.run(['start', this.#name, ...(watched ? ['--paused'] : [])]);
      if (!started.ok) return started;
    }
    if (!watched) return ok();
    const attached = await watchConsole(virsh, this.#name, watched);
    if (attached.ok) this.#console = attached.value;
    // Also where nobody watches: it must not stay paused.
    const resumed = isRunning ? ok() : await virsh.run(['resume', this.#name]);
    if (!attached.ok) return attached;
    return resumed.ok ? ok() : resumed;
  }

  async #check(signal: AbortSignal): Promise<Result<void>> {
    const { virsh, wish, tools } = this.#options;
    const { check, timeout } = wish;
    const job = { virsh, domain: this.#name, check, timeout, tools, expectsAgent: this.#expectsAgent };
    const passed = await checkGuest({ ...job, console: this.#console }, signal);
    if (!passed.ok) return passed;
    if (passed.value.agentAnswered && this.#current !== undefined) this.#withAgent.add(this.#current);
    return ok();
  }

  /** Removes files of the pool, but never one that a disk of the domain is in, whatever the plan says. */
  async #remove(files: readonly string[]): Promise<Result<void>> {
    const used = new Set<string | undefined>();
    for (const kind of [['--inactive'], []]) {
      const xml = await this.#options.virsh.run(['dumpxml', this.#name, ...kind]);
      if (!xml.ok) return xml;
      for (const { file } of readDomain(xml.value).disks) used.add(file);
    }
    return this.#removeFiles(files.filter((file) => !used.has(file)));
  }

  /** Removes a domain that has never been started, with its disks. There is none where it could not be defined. */
  async #clear(files: readonly string[]): Promise<Result<void>> {
    const { virsh } = this.#options;
    const names = await virsh.list(['list', '--all', '--name']);
    if (!names.ok) return names;
    if (!names.value.includes(this.#name)) return ok();
    const xml = await this.#definition();
    if (!xml.ok) return xml;
    const { state } = readDomain(xml.value);
    const now = await virsh.state(this.#name);
    if (!now.ok) return now;
    if (typeof state !== 'object' || state.phase !== 'new' || !isOff(now.value)) {
      return fail('host', `the domain ${this.#name} was changed while it was deployed`);
    }
    const removed = await this.#removeFiles(files);
    if (!removed.ok) return removed;
    const gone = await virsh.run(['undefine', this.#name, '--nvram']);
    return gone.ok ? ok() : gone;
  }

  async #removeFiles(files: readonly string[]): Promise<Result<void>> {
    const { directory, pool } = this.#options;
    for (const file of files) {
      const name = path.basename(file);
      if (path.dirname(file) !== directory || !this.#files.has(name)) continue;
      const removed = await pool.remove(name);
      if (!removed.ok) return removed;
      this.#files.delete(name);
    }
    return ok();
  }
}

/** The data disks of a machine: their names, and those of their files. */
export function dataNames({
  name,
  disks: [, ...data],
}: Machine): readonly (readonly [disk: string, file: string])[] {
  return data.map((disk) => [disk.name, `${name}.${disk.name}.qcow2`]);
}

/** The definition in an export for libvirt. */
export function definitionIn(directory: string, { name }: Machine): string {
  return path.join(directory, `${name}.xml`);
}
