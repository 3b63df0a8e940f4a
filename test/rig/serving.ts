// `vlb serve` on a project, and requests to it as programs make them: with any header, also those that fetch() would not send.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BuildEvent } from '../../src/model/event.ts';
import type { Job } from '../../src/serve/jobs/job.ts';
import { type TestProject, VLB } from './project.ts';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** The JSON in it, taken for what the route says that it is. Throws for anything else. */
  readonly json: <T>() => T;
}

export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Without the token. */
  readonly anonymous?: true;
}

/** An event as it came, with its identifier. */
export interface SentEvent {
  readonly id: string;
  readonly event: BuildEvent;
}

export class Serving implements AsyncDisposable {
  readonly child: ChildProcess;
  /** As it was printed, with the token. */
  readonly url: URL;
  readonly token: string;
  #stderr = '';

  private constructor(child: ChildProcess, line: string) {
    this.child = child;
    this.url = new URL(line);
    this.token = this.url.hash.replace('#token=', '');
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
  }

  /** Starts a server on any free port, and waits until it listens. */
  static async start(project: TestProject, args: readonly string[] = []): Promise<Serving> {
    const child = spawn(VLB, ['serve', '--port', '0', ...args], {
      cwd: project.directory,
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let printed = '';
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.stdout.setEncoding('utf8');
    const exited = once(child, 'exit').then(() => undefined);
    while (!printed.includes('\n')) {
      const more = await Promise.race([once(child.stdout, 'data'), exited]);
      if (more === undefined) assert.fail(`vlb serve ended: ${errors}`);
      printed += String(more[0]);
    }
    return new Serving(child, printed.trim());
  }

  get stderr(): string {
    return this.#stderr;
  }

  get authorization(): { readonly authorization: string } {
    return { authorization: `Bearer ${this.token}` };
  }

  /** Makes a request. A path is sent as it is, dots and all. */
  async ask(path: string, asking: Asking = {}): Promise<Reply> {
    const message = await this.begin(path, asking);
    const pieces: Buffer[] = [];
    for await (const piece of message) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const text = body.toString();
    return {
      status: message.statusCode ?? 0,
      headers: message.headers,
      body,
      text,
      json: () => JSON.parse(text),
    };
  }

  /** The beginning of an answer, whose body is read by the caller. */
  begin(path: string, { method = 'GET', headers, body, anonymous }: Asking = {}): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const sent = request(
        {
          host: this.url.hostname,
          port: this.url.port,
          path,
          method,
          agent: false,
          headers: {
            ...(anonymous ? {} : this.authorization),
            ...(text === undefined
              ? {}
              : {
                  'content-type': 'application/json',
                  'content-length': String(Buffer.byteLength(text)),
                }),
            ...headers,
          },
        },
        resolve,
      );
      sent.on('error', reject);
      sent.end(text);
    });
  }

  /** Adds a job. */
  async post(path: string, body: unknown = {}): Promise<Job> {
    const { status, json, text } = await this.ask(path, { method: 'POST', body });
    assert.equal(status, 202, text);
    return json<Job>();
  }

  /** Waits until a job is in one of some states. */
  async until(id: string, ...states: readonly Job['state'][]): Promise<Job> {
    for (;;) {
      const job = (await this.ask(`/api/jobs/${id}`)).json<Job>();
      if (states.includes(job.state)) return job;
      await sleep(50);
    }
  }

  /** Builds, and waits for the end. */
  async build(body: unknown = {}): Promise<Job> {
    const { id } = await this.post('/api/builds', body);
    return await this.until(id, 'done', 'failed', 'cancelled', 'lost');
  }

  /** The events of a job, behind one of them, to its end; or until `enough` says so, and the connection is cut. */
  async events(
    id: string,
    after?: string,
    enough: (events: readonly SentEvent[]) => boolean = () => false,
  ): Promise<{ readonly events: readonly SentEvent[]; readonly job: Job | undefined }> {
    const headers: Record<string, string> = after === undefined ? {} : { 'last-event-id': after };
    const message = await this.begin(`/api/jobs/${id}/events`, { headers });
    assert.equal(message.statusCode, 200);
    assert.equal(message.headers['content-type'], 'text/event-stream');
    const events: SentEvent[] = [];
    let job: Job | undefined;
    let rest = '';
    for await (const piece of message.setEncoding('utf8')) {
      const blocks = `${rest}${piece}`.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const [, data] = /^data: (.*)$/m.exec(block) ?? [];
        if (data === undefined) continue;
        const [, place = ''] = /^id: (.*)$/m.exec(block) ?? [];
        if (/^event: end$/m.test(block)) job = JSON.parse(data);
        else events.push({ id: place, event: JSON.parse(data) });
      }
      if (enough(events)) break; // destroys the connection
    }
    return { events, job };
  }

  /** Ends the server with a signal, and waits. Returns its exit status. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}
