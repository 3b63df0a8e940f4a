// One build as events, which every reporter is shown.

import type { BuildEvent, Finished } from '../../../src/model/event.ts';
import type { Failure } from '../../../src/model/failure.ts';
import { digestOf } from '../../rig/tree.ts';

export const FAILURE: Failure = {
  kind: 'work',
  message: 'layer 40_web: build-layer failed with exit status 100',
  where: { file: `${process.cwd()}/layers/40_web/build-layer`, line: 7 },
  detail: ['Reading package lists...', 'E: Unable to locate package ngnix'],
  log: `${process.cwd()}/.vlb/logs/40_web.log`,
  look: 'vlb shell --failed 40_web',
  hint: 'see the log',
  exitStatus: 100,
};

/** All that can be told, in the order in which it comes. */
export const FAILED_BUILD: readonly BuildEvent[] = [
  {
    type: 'plan',
    steps: [
      { layer: 'base', action: 'fresh' },
      { layer: '20_app', action: 'restore' },
      { layer: '30_more', action: 'run', reason: 'no record' },
      { layer: '40_web', action: 'run', reason: 'parent changed' },
      { layer: '50_end', action: 'run', reason: 'parent changed' },
    ],
  },
  { type: 'note', message: 'the record x is damaged' },
  { type: 'layer-finished', layer: 'base', outcome: 'fresh', seconds: 0, bytes: 1, digest: digestOf('1') },
  {
    type: 'layer-finished',
    layer: '20_app',
    outcome: 'restored',
    seconds: 0.001,
    bytes: 196_608,
    digest: digestOf('2'),
  },
  { type: 'layer-started', layer: '30_more' },
  { type: 'layer-stage', layer: '30_more', stage: 'run' },
  { type: 'output', layer: '30_more', line: 'hello' },
  { type: 'output', layer: '30_more', line: '' },
  {
    type: 'layer-finished',
    layer: '30_more',
    outcome: 'built',
    seconds: 1.5,
    bytes: 1_503_238_554,
    digest: digestOf('3'),
  },
  { type: 'layer-started', layer: '40_web' },
  { type: 'layer-finished', layer: '40_web', outcome: 'failed', seconds: 12.34, failure: FAILURE },
  { type: 'layer-finished', layer: '50_end', outcome: 'skipped', seconds: 0 },
  {
    type: 'finished',
    ok: false,
    counts: { fresh: 1, restored: 1, built: 1, failed: 1, skipped: 1 },
    seconds: 75,
    failure: FAILURE,
    failures: [{ layer: '40_web', failure: FAILURE, skipped: ['50_end'] }],
  },
];

export const GOOD_END: Finished = {
  type: 'finished',
  ok: true,
  counts: { fresh: 2, restored: 0, built: 1, failed: 0, skipped: 0 },
  seconds: 0.25,
  image: 'build/image.qcow2',
  failures: [],
};

export const FAILURE_TEXT = [
  'error: layer 40_web: build-layer failed with exit status 100',
  '  at layers/40_web/build-layer:7',
  '  | Reading package lists...',
  '  | E: Unable to locate package ngnix',
  '  log: .vlb/logs/40_web.log',
  '  look: vlb shell --failed 40_web',
  '  help: see the log',
];
