// The other thread of writer.ts.

import { parentPort, workerData } from 'node:worker_threads';
import { systemError } from '../../util/errors.ts';
import { ArtifactFile } from './artifact-file.ts';
import { free } from './memory.ts';
import type { FromThread, ToThread } from './writer.ts';

const port = parentPort;
if (!port) throw new Error('this is a thread of another module');
let file: ArtifactFile | undefined;

port.on('message', (told: ToThread) => {
  try {
    file ??= new ArtifactFile(workerData);
    if (told === 'end') return answer({ type: 'ended', digest: file.end() });
    file.write(told);
    free(told);
    answer({ type: 'written' });
  } catch (error) {
    const { code = '', message } = systemError(error);
    answer({ type: 'failed', code, message });
  }
});

function answer(told: FromThread): void {
  port?.postMessage(told);
}
