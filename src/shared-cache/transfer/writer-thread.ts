// The thread of writer.ts that writes and hashes.

import { parentPort, workerData } from 'node:worker_threads';
import { systemError } from '../../util/errors.ts';
import { ArtifactFile } from './artifact-file.ts';
import { free } from './memory.ts';
import type { FromThread, ToThread } from './writer.ts';

const port = parentPort;
if (!port) throw new Error('writer-thread.ts was not started as a worker');
let file: ArtifactFile | undefined;

port.on('message', (message: ToThread) => {
  try {
    file ??= new ArtifactFile(workerData);
    if (message === 'end') return answer({ type: 'ended', digest: file.end() });
    file.write(message);
    free(message);
    answer({ type: 'written' });
  } catch (error) {
    const { code = '', message: reason } = systemError(error);
    answer({ type: 'failed', code, message: reason });
  }
});

function answer(message: FromThread): void {
  port?.postMessage(message);
}
