// How a command gets root's rights: as it is where vlb is root, through `sudo -n` where it is not.

import { fail, ok, type Result } from '../../model/failure.ts';
import { lastLines, run } from './run.ts';

/** What to do where there are no root rights. */
export const SUDO_HINT =
  'give your password with `sudo -v` in this terminal and build again; or be root; or let sudo ask you for none (NOPASSWD)';

/** Less than any usual `timestamp_timeout` of sudoers(5), which is 15 minutes where nothing is said. */
const TICKET_MILLISECONDS = 120_000;

/** One is enough, however many builds a process does. */
let renewing = false;

/** The argument list that runs a command as root. */
export function asRoot(argv: readonly [string, ...string[]]): readonly [string, ...string[]] {
  return isRoot() ? argv : ['sudo', '-n', '--', ...argv];
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Fails as `host` when commands cannot be run as root, since sudo would ask for a password, say. */
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
  return fail('host', 'layers are run as root, and sudo does not let you without a password', {
    detail: lastLines(asked.value.stderr, 5),
    hint: SUDO_HINT,
  });
}
