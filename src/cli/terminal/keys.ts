// Reads single keys from the terminal.

import { readFileSync } from 'node:fs';

/** Whether stdin is a terminal and this process is in its foreground. */
export function hasKeys(): boolean {
  return process.stdin.isTTY === true && isInForeground();
}

/** Calls `onKey` for each key until it is disposed. ^C and ^Z interrupt and suspend as usual. */
export function takeKeys(onKey: (key: string) => void): Disposable {
  const { stdin } = process;
  const onData = (typed: Buffer) => {
    for (const key of typed.toString()) {
      if (key === '\x03') process.kill(process.pid, 'SIGINT');
      else if (key === '\x1a') suspend();
      else onKey(key);
    }
  };
  const suspend = () => {
    stdin.setRawMode(false);
    process.kill(0, 'SIGTSTP'); // the whole process group, as the terminal does
  };
  const onContinue = () => {
    if (isInForeground()) stdin.setRawMode(true);
  };
  stdin.setRawMode(true);
  stdin.on('data', onData);
  process.on('SIGCONT', onContinue);
  return {
    [Symbol.dispose]() {
      stdin.off('data', onData);
      process.off('SIGCONT', onContinue);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}

/** Whether the foreground process group of the terminal (field 8 of proc_pid_stat(5)) is this one's (field 5). */
function isInForeground(): boolean {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return group === foreground;
}
