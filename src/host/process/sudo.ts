// Runs commands as root: directly if vlb is root, through `sudo -n` otherwise.

import { fail, ok, type Result } from '../../model/failure.ts';
import { lastLines, run } from './run.ts';

/** The hint for missing root rights. */
export const SUDO_HINT =
  'run `sudo -v` in this terminal and build again, or run vlb as root, or allow sudo without a password (NOPASSWD)';

/** Less than any usual `timestamp_timeout` of sudoers(5), whose default is 15 minutes. */
const TICKET_MILLISECONDS = 120_000;

/** Whether a timer renews the ticket; one is enough for all builds of a process. */
let renewing = false;

/** The argument list that runs a command as root. */
export function asRoot(argv: readonly [string, ...string[]]): readonly [string, ...string[]] {
  return isRoot() ? argv : ['sudo', '-n', '--', ...argv];
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Fails as `host` when commands cannot be run as root, for example because sudo would ask for a password. */
export async function checkRoot(): Promise<Result<void>> {
  if (isRoot()) return ok();
  const [command, ...args] = asRoot(['true']);
  const asked = await run(command, args, { okStatuses: [0, 1] });
  if (!asked.ok) return asked;
  if (asked.value.status === 0) {
    // A layer may take longer than a ticket of sudo lasts, and the next one needs it.
    if (!renewing) setInterval(() => void run(command, args), TICKET_MILLISECONDS).unref();
    renewing = true;
    return ok();
  }
  return fail('host', 'layers run as root, and sudo requires a password', {
    detail: lastLines(asked.value.stderr, 5),
    hint: SUDO_HINT,
  });
}
