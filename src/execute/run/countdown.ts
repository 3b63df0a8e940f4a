// Counts the time that a script may take. The time for which vlb itself was stopped (^Z, SIGSTOP) or the machine slept does not count: a
// script that has ended in the meantime is not taken for one that is late.

const TICK = 1000;
/** How much later than asked a timer can be on a busy machine, ms. */
const SLACK = 500;

/** Calls `onEnd` after so many milliseconds, unless it is disposed of before. */
export function countdown(milliseconds: number, onEnd: () => void): Disposable {
  let left = milliseconds;
  let timer: NodeJS.Timeout;
  const wait = () => {
    const planned = Math.min(left, TICK);
    const begun = performance.now();
    timer = setTimeout(() => {
      const passed = performance.now() - begun;
      if (passed < planned + SLACK) left -= passed;
      if (left > 0) wait();
      else onEnd();
    }, planned);
  };
  wait();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
