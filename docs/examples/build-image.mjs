// Builds the project in a directory and prints what became of each layer: node build-image.mjs DIRECTORY

import { build, openWorkspace } from 'vlb';

const workspace = openWorkspace({ directory: process.argv[2] ?? '.' });
const built = await build(workspace, {
  emit: (event) => {
    if (event.type === 'layer-finished') console.log(`${event.layer}: ${event.outcome}`);
  },
});
if (!built.ok) throw new Error(built.failure.message); // nothing was begun
if (!built.value.ok) throw new Error(`${built.value.failures.length} layers failed`);
console.log(`${built.value.image}: ${built.value.bytes} bytes`);
