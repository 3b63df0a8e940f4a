// Runs a layer's script under its time-out, with its output to the log, to the reporters, and to the failure if it fails.

import { closeSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import type { OnOutput } from '../../model/ports/machine.ts';
import type { ScriptKind } from '../../model/project.ts';
import { systemError } from '../../util/errors.ts';
import type { Job } from './job.ts';
import { LineSplitter } from './lines.ts';
import { logFile, openLog } from './log.ts';
import { SecretMask } from './mask.ts';

/** How many of a failed script's last lines are shown. */
const TAIL_LINES = 20;

/** Whether the script came to an end and nothing else did, so that there is something to see on its disk. */
export function leavesDisk(failure: Failure): boolean {
  return failure.kind === 'work' && failure.exitStatus !== undefined;
}

/**
 * Runs the script with `start`, which is given where its output goes and returns its exit status.
 * Fails as `work` when it fails or takes too long.
 */
export async function runScript(
  job: Job,
  start: (onOutput: OnOutput) => Promise<Result<number>>,
): Promise<Result<void>> {
  const { layer, context, bench } = job;
  const log = logFile(layer.name, context.paths);
  const opened = openLog(layer.name, context);
  if (!opened.ok) return opened;
  const { descriptor } = opened.value;
  let logFailure: NodeJS.ErrnoException | undefined;
  const tail: string[] = [];
  const lines = new LineSplitter((line) => {
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    context.emit({ type: 'output', layer: layer.name, line });
  });
  let timedOut = false;
  const { timeout } = layer.hints;
  // The clock of timers ends after 24 days (2^31 ms); a time-out beyond is none.
  const timer =
    timeout === undefined || timeout * 1000 > 2 ** 31 - 1
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          void bench.stopScript();
        }, timeout * 1000);
  try {
    const mask = new SecretMask(job.secrets);
    const write = (text: Buffer) => {
      try {
        if (!logFailure) writeFileSync(descriptor, text); // all of it, unlike writeSync
      } catch (error) {
        logFailure = systemError(error);
        // A script that prints without end would continue for ever, and the layer has failed.
        void bench.stopScript();
      }
      lines.write(text);
    };
    const ended = await start((chunk) => {
      write(mask.write(chunk));
      return context.drained();
    });
    write(mask.end());
    lines.end();
    const about = { where: { file: path.join(layer.directory, layer.kind) }, detail: tail, log };
    if (timedOut) {
      const message = `layer ${layer.name}: ${layer.kind} ran longer than its timeout, ${timeout} s`;
      return fail('work', message, { ...about, ...(ended.ok ? { exitStatus: ended.value } : {}) });
    }
    // First, since it is why the script was stopped.
    if (logFailure) {
      return fail('host', `the log of layer ${layer.name} cannot be written: ${logFailure.message}`, {
        where: { file: log },
      });
    }
    // What could not even be begun told why in the output.
    if (!ended.ok) {
      const { failure } = ended;
      return failure.kind === 'interrupted' ? ended : { ok: false, failure: { ...about, ...failure } };
    }
    return ended.value === 0 ? ok() : { ok: false, failure: scriptFailure(job, ended.value, tail, about) };
  } finally {
    clearTimeout(timer);
    closeSync(descriptor);
    opened.value.end();
  }
}

function scriptFailure(
  { layer, staged }: Job,
  exitStatus: number,
  tail: readonly string[],
  about: Pick<Failure, 'where' | 'detail' | 'log'>,
): Failure {
  const script = `layer ${layer.name}: ${layer.kind}`;
  if (tail.some((line) => isNotFound(line, layer.kind)) && [126, 127].includes(exitStatus)) {
    const interpreter = /^#!\s*(\S+)/.exec(textOrNothing(path.join(staged.inputs, layer.kind)))?.[1];
    const place = layer.kind === 'build-layer' ? 'in the image' : 'on this host';
    return {
      kind: 'work',
      message: `${script} cannot run: its interpreter ${interpreter ?? ''} is not ${place}`,
      ...about,
      where: { file: about.where?.file ?? '', line: 1 },
      exitStatus,
      hint: 'install it in an earlier layer, or name another one in the first line',
    };
  }
  const end = exitStatus > 128 ? `signal ${exitStatus - 128}` : `exit status ${exitStatus}`;
  return { kind: 'work', message: `${script} failed with ${end}`, ...about, exitStatus };
}

/**
 * What `unshare`, `env` and the shells of images say of a script that is there, and whose interpreter is not; bash has 126
 * as its status.
 */
function isNotFound(line: string, script: ScriptKind): boolean {
  return (
    new RegExp(`/${script}['’]?:`).test(line) &&
    /^(?:unshare|env|(?:\/bin\/)?sh): .*(?:No such file or directory|not found)$/.test(line)
  );
}

function textOrNothing(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // the script is a link that leads nowhere
  }
}
