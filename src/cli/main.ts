// argv → command → exit status. The only place that sets the exit status.

import { type Failure, fail, type Result } from '../model/failure.ts';
import { createStyle, wantsColor } from '../report/terminal/style.ts';
import { failureText } from '../report/text/failure.ts';
import { systemError } from '../util/errors.ts';
import { collectPlainly, readLine } from './args/read.ts';
import { split } from './args/split.ts';
import type { Call } from './args/table/table.ts';
import { checkUtf8 } from './args/utf8.ts';
import { runCommand } from './dispatch.ts';
import { EXIT, exitStatusOf } from './exit-status.ts';
import { giveBackAtExit } from './give-back.ts';
import { withLayerNames } from './layer-paths.ts';
import { colorOf, readGlobalOptions } from './options.ts';
import { endAll } from './terminal/interrupt.ts';

/** The hidden command that the completion scripts call. The words of any command line may follow, so they are not parsed. */
const COMPLETE = '__complete';

const INTERNAL_ERROR = 70; // EX_SOFTWARE of sysexits(3)

async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', (error) => outputIsLost(error, process.stderr));
  process.stderr.on('error', (error) => outputIsLost(error, process.stdout));
  try {
    await run(argv);
  } catch (error) {
    // Only bugs arrive here. The stack trace is for the developers.
    const debug = argv.includes('--debug') && error instanceof Error;
    process.stderr.write(`vlb: internal error: ${debug ? error.stack : String(error)}\n`);
    if (!debug) process.stderr.write('  please report it, with the output of --debug\n');
    process.exitCode = INTERNAL_ERROR;
  }
}

/** Reads the command line and runs its command. */
async function run(argv: readonly string[]): Promise<void> {
  if (argv[0] === COMPLETE) {
    const { printCandidates } = await import('./commands/completion.ts');
    return printCandidates(argv.slice(1));
  }
  const readable = checkUtf8(argv);
  const call = readable.ok ? await parsed(argv) : readable;
  if (!call.ok) return printFailure(call.failure);
  await runCall(call.value);
}

/** `vlb build` is parsed without loading yargs, and means the same. */
async function parsed(argv: readonly string[]): Promise<Result<Call>> {
  const line = split(argv);
  if (line.path === 'build') return readLine(line, collectPlainly);
  return (await import('./args/parse.ts')).parse(argv);
}

/** Runs a command and sets its exit status. */
async function runCall(call: Call): Promise<void> {
  if (call.path === 'help') {
    const { printHelp } = await import('./commands/help.ts');
    const failure = printHelp(call.raw);
    if (failure) printFailure(failure, call.raw);
    return;
  }
  if (call.path === 'schema') {
    const { printSchema } = await import('./commands/schema.ts');
    return printSchema(call.raw.subject);
  }
  if (call.path === 'completion') {
    const { printScript } = await import('./commands/completion.ts');
    return printScript(call.raw.shell);
  }
  const options = readGlobalOptions(call.raw);
  if (options.ok) {
    noteProject(options.value.directory, call.raw);
    giveBackAtExit(options.value);
  }
  const work = async () =>
    options.ok
      ? await runCommand(withLayerNames(call, options.value.directory), options.value)
      : options.failure;
  const result = call.raw.trace === undefined ? await work() : await traced(call.raw.trace, work);
  if (typeof result === 'number') process.exitCode = statusOfLoss ?? result;
  else printFailure(result, call.raw);
  // A command that a signal ended has cleaned up. Nothing that is still pending, such as a flush, is needed any more.
  if (typeof result === 'number' && result > 128) process.exit(result);
}

/** Runs a command with a trace in a file. Its last line is the command's result. */
async function traced(file: string, work: () => Promise<number | Failure>): Promise<number | Failure> {
  const { traceToFile } = await import('../util/trace-file.ts');
  const { traceNote } = await import('../util/trace.ts');
  try {
    return await traceToFile(file, { argv: process.argv.slice(2), cwd: process.cwd() }, async () => {
      const result = await work();
      traceNote('result', typeof result === 'number' ? { status: result } : { failure: result });
      return result;
    });
  } catch (error) {
    const { message, syscall, path } = systemError(error);
    if (syscall !== 'open' || path !== file) throw error;
    return fail('usage', `--trace ${file}: ${message}`).failure;
  }
}

/** Prints which project was found above the working directory. */
function noteProject(directory: string, raw: Call['raw']): void {
  const isQuiet = 'progress' in raw && raw.progress === 'quiet';
  if (raw.C !== undefined || isQuiet || directory === process.cwd()) return;
  process.stderr.write(`note: the project is ${directory}\n`);
}

/** Prints a failure and sets its exit status. */
function printFailure(failure: Failure, raw?: Call['raw']): void {
  const style = createStyle(wantsColor(raw && colorOf(raw), process.stderr));
  process.stderr.write(`${failureText(failure, style)}\n`);
  process.exitCode = exitStatusOf(failure, undefined);
}

/**
 * The reader of vlb's output has exited (`vlb … | head`), or the disk that it is written to is full: exit too, after
 * cleaning up, as SIGPIPE ends other tools.
 * @param other the stream that may still be written
 */
function outputIsLost(error: NodeJS.ErrnoException, other: NodeJS.WriteStream): void {
  if (statusOfLoss !== undefined) return; // each further write fails too
  const gone = error.code === 'EPIPE';
  statusOfLoss = gone ? EXIT.readerGone : EXIT.host;
  process.exitCode = statusOfLoss;
  // Text between lines of JSON would be an error of its own.
  const isForUsers = other === process.stderr || !process.argv.some((word) => /\bjson$/.test(word));
  if (!gone && isForUsers) other.write(`vlb: cannot write the output: ${error.message}\n`);
  if (!endAll(gone ? 'SIGPIPE' : 'unwritable')) process.exit(statusOfLoss);
}

let statusOfLoss: number | undefined;

let hasEnded = false;
process.once('exit', (status) => {
  if (hasEnded || status !== 0) return;
  // Node exits with status 0 when no event is pending, also in the middle of a command.
  process.stderr.write('vlb: internal error: exited with work still pending\n');
  process.exitCode = INTERNAL_ERROR;
});
void main(process.argv.slice(2)).finally(() => {
  hasEnded = true;
});
