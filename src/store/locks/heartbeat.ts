// Heartbeats: files that a living process touches regularly. Processes in another PID namespace cannot see the owner of a
// lock or lease; they rely on the time of its file (`ownerIsAlive` of src/host/process/owner.ts).

import { utimesSync } from 'node:fs';

const TOUCH_EVERY = 15_000;

/** For how long a file with a heartbeat is fresh after its last touch, ms: much longer than a busy process needs. */
export const FRESH_FOR = 120_000;

/** Touches a file regularly, until disposed of or until `isOurs` returns false. */
export function startHeartbeat(file: string, isOurs: () => boolean = () => true): Disposable {
  const timer = setInterval(() => {
    try {
      if (isOurs()) utimesSync(file, new Date(), new Date());
      else clearInterval(timer);
    } catch {
      clearInterval(timer); // the file is gone
    }
  }, TOUCH_EVERY).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
