// The other thread of artifact-writer.ts.

import { createHash } from 'node:crypto';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { Digest } from '../model/artifact.ts';
import type { FromThread, ToThread } from './artifact-writer.ts';
import { free } from './memory.ts';

const port = parentPort;
if (!port) throw new Error('this is a thread of another module');
const hash = createHash('sha256');
let descriptor: number | undefined;

port.on('message', (told: ToThread) => {
  try {
    descriptor ??= openSync(workerData, 'w');
    if (told !== 'end') {
      hash.update(told);
      writeFileSync(descriptor, told); // not writeSync: a disk that is nearly full takes a part, and says nothing
      free(told);
      return answer({ type: 'written' });
    }
    closeSync(descriptor);
    answer({ type: 'ended', digest: hash.digest('hex') as Digest }); // of the bytes of an artifact
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException; // node's fs throws nothing else
    answer({ type: 'failed', code, message });
  }
});

function answer(told: FromThread): void {
  port?.postMessage(told);
}
