// What engines need of this machine, as src/compose.ts hands it in.

import type { Result } from '../model/failure.ts';

export interface EngineTools {
  /** Runs a command to its end, without a shell. Fails as `host` with its last lines, or as `interrupted`. */
  run(
    command: string,
    args: readonly string[],
    options?: { readonly input?: string; readonly signal?: AbortSignal },
  ): Promise<Result<{ readonly stdout: string }>>;
}
