// A real S3 server for a test: one node of Ceph that keeps everything in memory, and its gateway, on loopback. Up in about
// twelve seconds, several at once if need be. Its daemons end with the process that started them, however that ends.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const UP_WITHIN_MILLISECONDS = 180_000;

export interface S3User {
  readonly accessKey: string;
  readonly secretKey: string;
}

const OWNER: S3User = { accessKey: 'vlbkey', secretKey: 'vlbsecret' };

export class Gateway implements AsyncDisposable {
  readonly endpoint: string;
  readonly user = OWNER;
  readonly #directory: string;
  readonly #daemons: readonly ChildProcess[];

  private constructor(directory: string, port: number, daemons: readonly ChildProcess[]) {
    this.endpoint = `http://127.0.0.1:${port}`;
    this.#directory = directory;
    this.#daemons = daemons;
  }

  /** Starts one; throws with the daemons' last lines when it does not come up. */
  static async start(): Promise<Gateway> {
    const directory = mkdtempSync(path.join(tmpdir(), 'vlb-s3-'));
    for (const name of ['mon', 'osd', 'run', 'log']) mkdirSync(path.join(directory, name));
    const [monitor, port] = [await freePort(), await freePort()];
    const config = path.join(directory, 'ceph.conf');
    const osd = randomUUID();
    writeFileSync(config, configOf(directory, monitor, port));
    const daemons: ChildProcess[] = [];
    const run = (command: string, ...args: string[]) =>
      execFileSync(command, ['-c', config, ...args], { stdio: 'pipe', timeout: UP_WITHIN_MILLISECONDS });
    const daemon = (command: string, ...args: string[]) => {
      const argv = ['--pdeathsig', 'KILL', command, '-f', '-c', config, ...args];
      daemons.push(spawn('setpriv', argv, { stdio: 'ignore', cwd: directory }));
    };
    const gateway = new Gateway(directory, port, daemons);
    try {
      const map = path.join(directory, 'monmap');
      const fsid = /^fsid=(.*)$/m.exec(readFileSync(config, 'utf8'))?.[1] ?? '';
      execFileSync(
        'monmaptool',
        ['--create', '--clobber', '--addv', 'a', `[v1:127.0.0.1:${monitor}]`, '--fsid', fsid, map],
        { stdio: 'pipe' },
      );
      run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map);
      daemon('ceph-mon', '-i', 'a');
      await persist(() => run('ceph', 'osd', 'new', osd));
      run('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd);
      await persist(() => run('ceph', 'osd', 'crush', 'add', 'osd.0', '1.0', 'root=default'));
      daemon('ceph-osd', '-i', '0');
      daemon('radosgw', '-n', 'client.rgw');
      await gateway.#answers();
      await persist(() => gateway.addUser('vlb', OWNER));
    } catch (error) {
      const said = gateway.#lastLines();
      await gateway[Symbol.asyncDispose]();
      throw new Error(`the S3 gateway did not come up: ${String(error)}\n${said}`);
    }
    return gateway;
  }

  /** Makes another user: what they may do in others' buckets is for bucket policies to say. */
  addUser(name: string, { accessKey, secretKey }: S3User): void {
    const args = ['user', 'create', `--uid=${name}`, `--display-name=${name}`];
    const keys = [`--access-key=${accessKey}`, `--secret-key=${secretKey}`];
    const config = path.join(this.#directory, 'ceph.conf');
    execFileSync('radosgw-admin', ['-c', config, ...args, ...keys], {
      stdio: 'pipe',
      timeout: UP_WITHIN_MILLISECONDS,
    });
  }

  async #answers(): Promise<void> {
    const until = performance.now() + UP_WITHIN_MILLISECONDS;
    while (performance.now() < until) {
      if (this.#daemons.some(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null)) {
        throw new Error('a daemon ended');
      }
      const answer = await fetch(this.endpoint).catch(() => undefined);
      if (answer?.ok) return;
      await delay(100);
    }
    throw new Error(`${this.endpoint} does not answer`);
  }

  #lastLines(): string {
    return ['mon.a', 'osd.0', 'client.rgw']
      .map((name) => path.join(this.#directory, 'log', `${name}.log`))
      .filter((file) => existsSync(file))
      .map((file) => `${file}:\n${readFileSync(file, 'utf8').split('\n').slice(-10).join('\n')}`)
      .join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#daemons.map(async (one) => {
        if (one.exitCode !== null || one.signalCode !== null) return;
        const ended = new Promise((resolve) => one.once('exit', resolve));
        one.kill('SIGKILL'); // setpriv has become the daemon; nothing of it is to be kept
        await ended;
      }),
    );
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/**
 * A client that is quicker than the news it gets from the monitor asks for "wrong fsid", and is refused. What is asked here
 * may be asked again.
 */
async function persist(ask: () => void): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return ask();
    } catch (error) {
      if (tries === 10) throw error;
    }
    await delay(300);
  }
}

/** A port that nobody listens at, at this moment. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

function configOf(directory: string, monitor: number, port: number): string {
  return `[global]
fsid=${randomUUID()}
mon host=[v1:127.0.0.1:${monitor}]
public addr=127.0.0.1
auth cluster required=none
auth service required=none
auth client required=none
osd pool default size=1
osd pool default min size=1
osd crush chooseleaf type=0
mon allow pool size one=true
mon max pg per osd=2000
osd pool default pg num=4
osd pool default pgp num=4
osd objectstore=memstore
osd class update on start=false
osd crush update on start=false
memstore device bytes=8589934592
run dir=${directory}/run
log file=${directory}/log/$name.log
admin socket=${directory}/run/$name.asok
pid file=${directory}/run/$name.pid
mon data=${directory}/mon
osd data=${directory}/osd
rgw frontends=beast endpoint=127.0.0.1:${port} tcp_nodelay=1
rgw gc max objs=7
`;
}
