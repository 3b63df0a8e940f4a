// Owners of locks in messages. For their names see src/host/process/owner.ts.

/**
 * The process of an owner's name, for messages.
 * @param self the name of this process: shows whether the other one is in the same PID namespace
 */
export function ownerText(owner: string, self: string): string {
  const [pid = ''] = owner.split('-', 1);
  const [namespace, own] = [owner, self].map((name) => /^\d+-[^-]+-n(\d+)/.exec(name)?.[1]);
  const isElsewhere = namespace !== undefined && namespace !== own;
  return isElsewhere ? `process ${pid} of another PID namespace (a container)` : `process ${pid}`;
}
