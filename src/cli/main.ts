// argv → command → exit status. The only place that sets the exit status.

import type { Failure } from '../model/failure.ts';
import { createStyle, wantsColour } from '../report/terminal/style.ts';
import { failureText } from '../report/text/failure.ts';
import { CommandLineError } from './args/errors.ts';
import { EXIT, exitStatusOf } from './exit-status.ts';
import { colourOf, type GlobalOptions, type RawGlobalOptions, readGlobalOptions } from './options.ts';

/** What the scripts of `vlb completion` ask with; the words of any command line may follow, so yargs does not see it. */
const COMPLETE = '__complete';

const DEFECT = 70; // EX_SOFTWARE of sysexits(3)

async function main(argv: readonly string[]): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', outputIsLost);
  try {
    await run(argv);
  } catch (error) {
    if (error instanceof CommandLineError) return tell(error.failure, {});
    // Only bugs arrive here. Their trace is for those who mend them.
    const debug = argv.includes('--debug') && error instanceof Error;
    process.stderr.write(`vlb: a defect in vlb itself: ${debug ? error.stack : String(error)}\n`);
    if (!debug) process.stderr.write('  please report it, with what --debug prints\n');
    process.exitCode = DEFECT;
  }
}

/** Reads the command line and runs its command. */
async function run(argv: readonly string[]): Promise<void> {
  if (argv.length === 1 && argv[0] === 'build') {
    // Nothing to parse, and the parser takes as long to load as it takes to find that nothing changed.
    const { buildCommand } = await import('./commands/build-command.ts');
    return finish({}, (options) => buildCommand({}, options));
  }
  const { allCommands, runCommandLine } = await import('./args/parse.ts');
  if (argv[0] === COMPLETE) {
    const { printCandidates } = await import('./commands/completion.ts');
    return printCandidates(allCommands(), argv.slice(1));
  }
  await runCommandLine(argv, finish);
}

/** Runs a command and sets the exit status it comes to. */
async function finish(
  raw: RawGlobalOptions,
  command: (options: GlobalOptions) => Promise<number | Failure>,
): Promise<void> {
  const options = readGlobalOptions(raw);
  if (options.ok) noteProject(options.value.directory, raw);
  const result = options.ok ? await command(options.value) : options.failure;
  if (typeof result === 'number') process.exitCode = result;
  else tell(result, raw);
  // All is cleaned up; what may still be under way, a flush say, is nobody's any more.
  if (typeof result === 'number' && result > 128) process.exit(result);
}

/** Says which project it is that was found above the working directory. */
function noteProject(directory: string, { C, progress }: RawGlobalOptions): void {
  if (C !== undefined || progress === 'quiet' || directory === process.cwd()) return;
  process.stderr.write(`note: the project is ${directory}\n`);
}

/** Tells a failure and sets the exit status that goes with it. */
function tell(failure: Failure, raw: RawGlobalOptions): void {
  const style = createStyle(wantsColour(colourOf(raw), process.stderr));
  process.stderr.write(`${failureText(failure, style)}\n`);
  process.exitCode = exitStatusOf(failure, undefined);
}

/**
 * Whoever read vlb's output has ended (`vlb … | head`), or the disk that takes it is full: end too, cleanly, as other
 * tools do by SIGPIPE.
 */
function outputIsLost(error: NodeJS.ErrnoException): void {
  if (outputLost) return; // each further write fails too
  outputLost = true;
  const gone = error.code === 'EPIPE';
  if (!gone) process.stderr.write(`vlb: the output cannot be written: ${error.message}\n`);
  if (process.listenerCount('SIGTERM') > 0) process.kill(process.pid, 'SIGTERM');
  else process.exit(gone ? 141 : EXIT.host);
}

let outputLost = false;

let hasEnded = false;
process.once('exit', (status) => {
  if (hasEnded || status !== 0) return;
  // Nothing was left to wait for, which node takes for an end as good as any.
  process.stderr.write('vlb: a defect in vlb itself: it ended before it was done\n');
  process.exitCode = DEFECT;
});
void main(process.argv.slice(2)).finally(() => {
  hasEnded = true;
});
