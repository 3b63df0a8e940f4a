// Runs a layer's script with its timeout, and passes its output to the log, the reporters, and the failure if it fails.

import { closeSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { kindOf } from '../../kinds/registry.ts';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import type { OnOutput, RunPlace } from '../../model/ports/machine.ts';
import { type ScriptKind, scriptFile, scriptName } from '../../model/project.ts';
import { systemError } from '../../util/errors.ts';
import { countdown } from './countdown.ts';
import type { Job } from './job.ts';
import { LineSplitter } from './lines.ts';
import { logFile, openLog } from './log.ts';
import { SecretMask } from './mask.ts';

/** How many of a failed script's last lines are shown. */
const TAIL_LINES = 20;

/**
 * Runs the script with `start`, which passes its output to the function it is given and returns its exit status.
 * Fails as `work` when it fails or takes too long.
 */
export async function runScript(
  job: Job<RunPlace>,
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
  using _timer =
    timeout === undefined
      ? undefined
      : countdown(timeout * 1000, () => {
          timedOut = true;
          void bench.stopScript();
        });
  try {
    const mask = new SecretMask(job.secrets);
    const write = (text: Buffer) => {
      try {
        if (!logFailure) writeFileSync(descriptor, text); // all of it, unlike writeSync
      } catch (error) {
        logFailure = systemError(error);
        // The layer has failed, and a script that prints endlessly would never stop.
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
    const about = { where: { file: scriptFile(layer) }, detail: tail, log };
    if (timedOut) {
      const message = `layer ${layer.name}: ${scriptName(layer)} ran longer than its timeout, ${timeout} s`;
      if (ended.ok) return fail('work', message, { ...about, exitStatus: ended.value });
      // A guest's console.
      const { detail = [] } = ended.failure;
      return fail('work', message, { ...about, ...(detail.length > 0 ? { detail } : {}) });
    }
    // First, since it is why the script was stopped.
    if (logFailure) {
      return fail('host', `cannot write the log of layer ${layer.name}: ${logFailure.message}`, {
        where: { file: log },
      });
    }
    // What could not even be started printed the reason.
    if (!ended.ok) {
      const { failure } = ended;
      return failure.kind === 'interrupted' ? ended : { ok: false, failure: { ...about, ...failure } };
    }
    return ended.value === 0 ? ok() : { ok: false, failure: scriptFailure(job, ended.value, tail, about) };
  } finally {
    closeSync(descriptor);
    opened.value.end();
  }
}

function scriptFailure(
  { layer, staged }: Job<RunPlace>,
  exitStatus: number,
  tail: readonly string[],
  about: Pick<Failure, 'where' | 'detail' | 'log'>,
): Failure {
  const script = `layer ${layer.name}: ${scriptName(layer)}`;
  if (tail.some((line) => isNotFound(line, layer.kind)) && [126, 127].includes(exitStatus)) {
    const interpreter = /^#!\s*(\S+)/.exec(textOrNothing(path.join(staged.inputs, layer.kind)))?.[1];
    const place = kindOf(layer).place === 'host' ? 'on this host' : 'in the image';
    return {
      kind: 'work',
      message: `${script} cannot run: its interpreter ${interpreter ?? ''} was not found ${place}`,
      ...about,
      where: { file: about.where?.file ?? '', line: 1 },
      exitStatus,
      hint: 'install it in an earlier layer, or change the first line of the script',
    };
  }
  const end = exitStatus > 128 ? `signal ${exitStatus - 128}` : `exit status ${exitStatus}`;
  return { kind: 'work', message: `${script} failed with ${end}`, ...about, exitStatus };
}

/**
 * The messages of `unshare`, `env` and the shells of images for a script whose interpreter is missing; bash exits with 126.
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
    return ''; // the script is a dangling link
  }
}
