// A thousand builders and ten thousand layers in simulated time, over vlb's own keys, claims and client of the shared cache.
//
//   VLB_TEST_SEED=7 bin/test contract simulation                  another night
//   VLB_TEST_SIZES=250x2500,500x5000 bin/test contract simulation    other sizes, for the table of docs/performance.md

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { REPOSITORY, run } from '../rig/project.ts';
import type { SimulationOptions, SimulationResult } from '../rig/simulation/simulation.ts';

const SEED = Number(process.env['VLB_TEST_SEED'] ?? 1);
const SIZES = (process.env['VLB_TEST_SIZES'] ?? '1000x10000').split(',');
const NIGHT = {
  weather: { lost: 0.002, unanswered: 0.002, repeated: 0.002, late: 0.005 },
  ...{ dying: 0.05, cutOff: 0.005 },
};

for (const size of SIZES) {
  const [builders = 0, layers = 0] = size.split('x').map(Number);
  test(`${builders} builders, ${layers} layers: no wrong hit, and at most 1 % is built twice`, async (t) => {
    const result = await simulate({ ...NIGHT, seed: SEED, builders, layers });
    const { requests, seconds } = result;
    t.diagnostic(
      `${(requests / builders).toFixed(0)} requests a builder, ${(requests / seconds).toFixed(0)} a second`,
    );
    t.diagnostic(JSON.stringify(result));
    assert.ok(result.deaths > 0, 'builders died');
    assert.ok(result.layers > layers * 0.95, 'what was to be built was built');
    const again = result.builtTwice + result.builtAlone;
    assert.ok(again <= layers / 100, `${again} of ${layers} were built twice`);
  });
}

async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const main = path.join(REPOSITORY, 'test/rig/simulation/main.ts');
  const node = ['--disable-warning=ExperimentalWarning', '--experimental-strip-types'];
  const ended = await run(process.execPath, [...node, main, JSON.stringify(options)]);
  assert.equal(ended.status, 0, ended.stderr);
  return JSON.parse(ended.stdout);
}
