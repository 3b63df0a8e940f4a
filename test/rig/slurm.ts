// A real Slurm of several nodes on this machine, for a test: munged, slurmctld, and for each node a slurmd with a host name, mounts and
// processes of its own, so that a node can be killed as a whole. All files are below one directory, and nothing is read from /etc.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const UP_WITHIN_MILLISECONDS = 30_000;

export class Slurm implements AsyncDisposable {
  readonly #directory: string;
  readonly #daemons = new Map<string, ChildProcess>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Starts one with nodes `node1`, `node2` and so on; throws with the daemons' last lines if it does not come up. Needs root.
   * @param places how many jobs run on a node at once, whatever this machine has
   */
  static async start(nodes: number, places = 2): Promise<Slurm> {
    const directory = mkdtempSync(path.join(tmpdir(), 'vlb-slurm-'));
    const slurm = new Slurm(directory);
    // Slurm's commands reach munged through it, as any user.
    chmodSync(directory, 0o755);
    try {
      mkdirSync(path.join(directory, 'state'));
      writeFileSync(path.join(directory, 'key'), randomBytes(128), { mode: 0o600 });
      const ports = await freePorts(nodes + 1);
      writeFileSync(path.join(directory, 'slurm.conf'), configOf(directory, places, ports));
      const at = (name: string) => `--${name}=${path.join(directory, name)}`;
      slurm.#start('munged', 'munged', [
        '--foreground',
        `--key-file=${path.join(directory, 'key')}`,
        ...['socket', 'pid-file', 'log-file', 'seed-file'].map(at),
      ]);
      await slurm.#until(() => existsSync(path.join(directory, 'socket')), 'munged does not listen');
      slurm.#start('slurmctld', 'slurmctld', ['-D', '-c']);
      for (let number = 1; number <= nodes; number++) slurm.startNode(`node${number}`);
      await slurm.#answers(nodes);
    } catch (error) {
      const said = slurm.#lastLines();
      await slurm[Symbol.asyncDispose]();
      throw new Error(`Slurm did not come up: ${String(error)}\n${said}`);
    }
    return slurm;
  }

  /** The variables with which Slurm's commands speak to it. */
  get env(): Readonly<Record<string, string>> {
    return { SLURM_CONF: path.join(this.#directory, 'slurm.conf') };
  }

  /** Runs one of Slurm's commands and returns what it prints. */
  run(command: string, ...args: readonly string[]): string {
    return execFileSync(command, args, {
      env: { ...process.env, ...this.env },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: UP_WITHIN_MILLISECONDS,
    });
  }

  startNode(name: string): void {
    const temporary = path.join(this.#directory, name, 'tmp');
    mkdirSync(temporary, { recursive: true });
    const script = 'hostname "$1"; mount --bind "$2" /var/tmp; exec slurmd -D -N "$1"';
    this.#start(name, 'unshare', [
      ...['--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['sh', '-c', script, 'sh', name, temporary],
    ]);
  }

  /** A power cut: all processes of a node end at once. Slurm is told, which otherwise takes minutes to notice. */
  async killNode(name: string): Promise<void> {
    const daemon = this.#daemons.get(name);
    this.#daemons.delete(name);
    await ended(daemon, 'SIGKILL');
    this.run('scontrol', 'update', `NodeName=${name}`, 'State=DOWN', 'Reason=killed');
  }

  /** Has jobs that Slurm has put back begin at once; by itself it waits two minutes. */
  async beginAgain(): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const waiting = this.run('squeue', '--noheader', '--states=PENDING', '--format=%i %r').split('\n');
      const ids = waiting.flatMap((line) => /^(\d+) BeginTime$/.exec(line.trim())?.[1] ?? []);
      for (const id of ids) this.run('scontrol', 'update', `JobId=${id}`, 'StartTime=now');
      if (ids.length > 0) return;
      await delay(100);
    }
    throw new Error('Slurm has put no job back');
  }

  /** The names of jobs that wait or run, and are not ending. */
  jobs(): readonly string[] {
    return this.run('squeue', '--noheader', '--states=PENDING,RUNNING', '--format=%j')
      .split('\n')
      .filter(Boolean);
  }

  #start(name: string, command: string, args: readonly string[]): void {
    const log = openSync(path.join(this.#directory, `${name}.out`), 'a');
    const argv = ['--pdeathsig', 'KILL', command, ...args];
    const env = { ...process.env, ...this.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
    this.#daemons.set(
      name,
      spawn('setpriv', argv, { stdio: ['ignore', log, log], env, cwd: this.#directory }),
    );
    closeSync(log);
  }

  async #answers(nodes: number): Promise<void> {
    await this.#until(() => {
      try {
        const idle = this.run('sinfo', '--noheader', '--Node', '--states=idle', '--format=%N').split('\n');
        return idle.filter(Boolean).length === nodes;
      } catch {
        return false; // slurmctld does not answer yet
      }
    }, 'not all nodes are idle');
  }

  async #until(isDone: () => boolean, otherwise: string): Promise<void> {
    const until = performance.now() + UP_WITHIN_MILLISECONDS;
    while (!isDone()) {
      if (performance.now() > until) throw new Error(otherwise);
      await delay(100);
    }
  }

  #lastLines(): string {
    const texts = [...this.#daemons.keys()].map((name) => {
      const text = readFileSync(path.join(this.#directory, `${name}.out`), 'utf8');
      return `${name}:\n${text.split('\n').slice(-10).join('\n')}`;
    });
    return texts.join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#daemons.values()].map((daemon) => ended(daemon, 'SIGKILL')));
    detachLoops(this.#directory);
    if (process.env['VLB_TEST_KEEP']) process.stderr.write(`kept for a look: ${this.#directory}\n`);
    else rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** What a killed node had attached, which on a real one a restart ends. */
function detachLoops(directory: string): void {
  const listed: { loopdevices?: readonly { name: string; 'back-file': string }[] } = JSON.parse(
    execFileSync('losetup', ['--json', '--list'], { encoding: 'utf8' }) || '{}',
  );
  for (const loop of listed.loopdevices ?? []) {
    const file = loop['back-file'] ?? '';
    if (file.startsWith(directory)) execFileSync('losetup', ['--detach', loop.name]);
  }
}

/** Ends a daemon. Returns when it has ended. */
async function ended(daemon: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
  const end = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill(signal);
  await end;
}

/** See slurm.conf(5). */
function configOf(directory: string, places: number, [controller, ...nodes]: readonly number[]): string {
  return `ClusterName=test
SlurmctldHost=localhost
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=${directory}/socket
SlurmctldPort=${controller}
SlurmctldPidFile=${directory}/slurmctld.pid
StateSaveLocation=${directory}/state
SlurmdPidFile=${directory}/%n/pid
SlurmdSpoolDir=${directory}/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
KillWait=10
MinJobAge=300
SchedulerParameters=batch_sched_delay=0,sched_interval=1
SlurmdParameters=config_overrides
PartitionName=main Nodes=ALL Default=YES State=UP
${nodes
  .map(
    (port, index) =>
      `NodeName=node${index + 1} NodeHostname=localhost NodeAddr=127.0.0.1 Port=${port} CPUs=${places}`,
  )
  .join('\n')}
`;
}

/** Ports that nobody listens at, all different. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      await new Promise((resolve) => server.close(resolve));
      if (address === null || typeof address === 'string') throw new Error('no port');
      return address.port;
    }),
  );
}
