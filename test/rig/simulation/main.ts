// One simulation, in a process of its own, since its clocks and timers are replaced:
//   node --experimental-strip-types test/rig/simulation/main.ts OPTIONS     prints its result, both as JSON

import { simulate } from './simulation.ts';

process.stdout.write(JSON.stringify(await simulate(JSON.parse(process.argv[2] ?? '{}'))));
