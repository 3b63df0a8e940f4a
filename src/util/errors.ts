// Errors of node's own functions, which `catch` hands over as unknown.

/**
 * The error as node's fs, streams and sockets throw them: with a `code` such as `ENOENT` where the system call failed.
 * Everything they throw is one (https://nodejs.org/api/errors.html#class-systemerror), which the type checker cannot know.
 */
export function systemError(error: unknown): NodeJS.ErrnoException {
  return error instanceof Error ? error : new Error(String(error));
}

/** The result of a call; undefined where it throws, for callers to whom it does not matter why. */
export function attempt<Value>(call: () => Value): Value | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
