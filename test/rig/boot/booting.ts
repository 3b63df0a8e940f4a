// A process of its own that boots an image, for tests that send it signals or type into it.
// node booting.ts check|interact IMAGE; ends with 0 when the boot went well, and writes the failure's kind otherwise.

import { qemuBooter } from '../../../src/host/boot/booter.ts';

const [, , mode, image = ''] = process.argv;
const abort = new AbortController();
process.on('SIGINT', () => abort.abort());
process.on('SIGTERM', () => abort.abort());
const listener = {
  note: (line: string) => process.stderr.write(`${line}\n`),
  console: (text: string) => process.stdout.write(text),
  commandOutput: () => {},
};
const machine = { image, accelerator: 'tcg' } as const;
const result =
  mode === 'check'
    ? await qemuBooter.check(machine, { timeout: 60 }, listener, abort.signal)
    : await qemuBooter.interact(machine, listener, abort.signal);
if (!result.ok) {
  process.stderr.write(`failure: ${result.failure.kind}: ${result.failure.message}\n`);
  process.exitCode = 1;
}
