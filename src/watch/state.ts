// The states of `vlb watch` as a pure machine: an event leads to another state and to effects, which session.ts performs.
//
//                        quiet                       built, ok
//        nothing ───────────────────▶ building ───────────────────▶ following up
//        (waits) ◀─────────────────────┘   ▲                          │   │
//           ▲     built: unchanged, failed │ changed (it is stopped)  │   │
//           │                              └──────────────────────────┘   │
//           └─────────────────────────────────────────────────────────────┘ followed up
//
// The state of the files is separate. During a build or follow-up a change leads to a scan, and only a scan that finds a
// difference stops it:
//
//        known ──change──▶ changing ──quiet──▶ scanning ──scanned──▶ known
//                            ▲  └─change─┘       │
//                            └──────change───────┘

export interface State {
  /** `following up`: the boot check or command that the user requested after each success. */
  readonly doing: 'nothing' | 'building' | 'following up';
  readonly files: 'known' | 'changing' | 'scanning';
  /** Whether another build must follow. A retry includes the layers that failed. */
  readonly again: 'no' | 'changed' | 'retry';
  /** What was postponed because files changed, and is due once a build finds that nothing changed. */
  readonly due: 'nothing' | 'report' | 'follow-up';
  readonly quitting: boolean;
}

export type WatchEvent =
  /** Some file may have changed. */
  | { readonly type: 'change' }
  /** No file changed for a while. */
  | { readonly type: 'quiet' }
  /** The project was scanned; `changed` where the current build or follow-up is out of date. */
  | { readonly type: 'scanned'; readonly changed: boolean }
  | { readonly type: 'built'; readonly outcome: 'ok' | 'failed' | 'unchanged' }
  | { readonly type: 'followed up' }
  /** The user requests a build. */
  | { readonly type: 'retry' }
  | { readonly type: 'quit' };

export type Effect =
  /** Send `quiet` when nothing changed for a while from now on. */
  | 'await quiet'
  /** Start no further script until `resume` or `supersede`. */
  | 'pause'
  | 'resume'
  | 'scan'
  /** Start no further script, and stop those that are out of date. */
  | 'supersede'
  | 'build'
  /** Build, including the layers that failed. */
  | 'retry'
  | 'follow up'
  | 'report waiting'
  /** Stop the build or follow-up: it ends as `built` or `followed up`. */
  | 'stop'
  | 'end';

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** The first step: a build. */
export const BEGINNING: Step = {
  state: { doing: 'building', files: 'known', again: 'no', due: 'nothing', quitting: false },
  effects: ['build'],
};

/** The transition of a state by an event. */
export function next(state: State, event: WatchEvent): Step {
  if (state.quitting) return whileQuitting(state, event);
  switch (event.type) {
    case 'change':
      return {
        state: { ...state, files: 'changing' },
        effects: state.doing === 'building' ? ['pause', 'await quiet'] : ['await quiet'],
      };
    case 'quiet':
      if (state.files !== 'changing') return { state, effects: [] };
      if (state.doing === 'nothing') return begin(state);
      return { state: { ...state, files: 'scanning' }, effects: ['scan'] };
    case 'scanned':
      return afterScan(state, event.changed);
    case 'built':
      return afterBuild(state, event.outcome);
    case 'followed up':
      if (state.doing !== 'following up') return { state, effects: [] };
      // A follow-up that was stopped must be repeated.
      return proceed({ ...state, doing: 'nothing', due: state.again === 'no' ? 'report' : 'follow-up' });
    case 'retry':
      if (state.doing === 'nothing') return proceed({ ...state, again: 'retry' });
      return {
        state: { ...state, again: 'retry' },
        effects: state.doing === 'following up' && state.again === 'no' ? ['stop'] : [],
      };
    case 'quit': {
      const idle = state.doing === 'nothing';
      return { state: { ...state, quitting: true }, effects: idle ? ['end'] : ['stop'] };
    }
  }
}

function whileQuitting(state: State, { type }: WatchEvent): Step {
  const ended =
    (type === 'built' && state.doing === 'building') ||
    (type === 'followed up' && state.doing === 'following up');
  return ended ? { state: { ...state, doing: 'nothing' }, effects: ['end'] } : { state, effects: [] };
}

function afterScan(state: State, changed: boolean): Step {
  if (state.files !== 'scanning') return { state, effects: [] }; // another scan follows the next change
  const known: State = { ...state, files: 'known' };
  // The build that it was compared with has ended: the next one finds out whether there is something to do.
  if (state.doing === 'nothing') return begin(state);
  if (!changed) return { state: known, effects: state.doing === 'building' ? ['resume'] : [] };
  if (state.doing === 'building') {
    return { state: { ...known, again: moreOf(state.again) }, effects: ['supersede'] };
  }
  return {
    state: { ...known, again: moreOf(state.again) },
    effects: state.again === 'no' ? ['stop'] : [],
  };
}

function moreOf(again: State['again']): State['again'] {
  return again === 'no' ? 'changed' : again;
}

function afterBuild(state: State, outcome: 'ok' | 'failed' | 'unchanged'): Step {
  if (state.doing !== 'building') return { state, effects: [] };
  const due = outcome === 'unchanged' ? state.due : outcome === 'ok' ? 'follow-up' : 'report';
  return proceed({ ...state, doing: 'nothing', due });
}

/** The transition after the end of a build or follow-up. There is no follow-up of an image that is out of date. */
function proceed(state: State): Step {
  if (state.files !== 'known') return { state, effects: [] };
  if (state.again !== 'no') return begin(state);
  switch (state.due) {
    case 'nothing':
      return { state, effects: [] };
    case 'report':
      return { state: { ...state, due: 'nothing' }, effects: ['report waiting'] };
    case 'follow-up':
      return { state: { ...state, doing: 'following up', due: 'nothing' }, effects: ['follow up'] };
  }
}

function begin(state: State): Step {
  return {
    state: { ...state, doing: 'building', files: 'known', again: 'no' },
    effects: [state.again === 'retry' ? 'retry' : 'build'],
  };
}
