// The states of `vlb watch` as a pure machine: what happens leads to another state, and to effects that others bring about.
//
//                        quiet                       built, ok
//        nothing ───────────────────▶ building ───────────────────▶ following up
//        (waits) ◀─────────────────────┘   ▲                          │   │
//           ▲     built: unchanged, failed │ changed (it is stopped)  │   │
//           │                              └──────────────────────────┘   │
//           └─────────────────────────────────────────────────────────────┘ followed up
//
// Beside what is done stands what is known of the files. While something is under way a change leads to a scan, and only
// one that finds a difference to its end:
//
//        known ──change──▶ changing ──quiet──▶ scanning ──scanned──▶ known
//                            ▲  └─change─┘       │
//                            └──────change───────┘

export interface State {
  /** `following up` is what the person wants after each success: a boot check, a command. */
  readonly doing: 'nothing' | 'building' | 'following up';
  readonly files: 'known' | 'changing' | 'scanning';
  /** A build has to follow what is under way. A retry takes in the layers that failed. */
  readonly again: 'no' | 'changed' | 'retry';
  /** What was put off, since the files did not keep still, and is due once a build finds that nothing changed. */
  readonly due: 'nothing' | 'word' | 'follow-up';
  readonly quitting: boolean;
}

export type Happening =
  /** Some file may have changed. */
  | { readonly type: 'change' }
  /** Nothing did for a while. */
  | { readonly type: 'quiet' }
  /** The project was read beside what is under way; `changed` when that goes by something else. */
  | { readonly type: 'scanned'; readonly changed: boolean }
  | { readonly type: 'built'; readonly outcome: 'ok' | 'failed' | 'unchanged' }
  | { readonly type: 'followed up' }
  /** The person wants a build now. */
  | { readonly type: 'retry' }
  | { readonly type: 'quit' };

export type Effect =
  /** Tell, by `quiet`, when nothing changed for a while from now on. */
  | 'await quiet'
  /** Let no further script start until it is known what changed. */
  | 'pause'
  | 'resume'
  | 'scan'
  /** Start nothing more, and stop what is of no use any more. */
  | 'supersede'
  | 'build'
  /** Build, and try again what failed. */
  | 'retry'
  | 'follow up'
  | 'tell waiting'
  /** Stop what is under way: it ends as `built` or `followed up`. */
  | 'stop'
  | 'end';

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** How `vlb watch` begins: with a build. */
export const BEGINNING: Step = {
  state: { doing: 'building', files: 'known', again: 'no', due: 'nothing', quitting: false },
  effects: ['build'],
};

/** What comes of it when something happens. */
export function next(state: State, happening: Happening): Step {
  if (state.quitting) return whileQuitting(state, happening);
  switch (happening.type) {
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
      return afterScan(state, happening.changed);
    case 'built':
      return afterBuild(state, happening.outcome);
    case 'followed up':
      if (state.doing !== 'following up') return { state, effects: [] };
      // One that was stopped has to come again.
      return proceed({ ...state, doing: 'nothing', due: state.again === 'no' ? 'word' : 'follow-up' });
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

function whileQuitting(state: State, { type }: Happening): Step {
  const ended =
    (type === 'built' && state.doing === 'building') ||
    (type === 'followed up' && state.doing === 'following up');
  return ended ? { state: { ...state, doing: 'nothing' }, effects: ['end'] } : { state, effects: [] };
}

function afterScan(state: State, changed: boolean): Step {
  if (state.files !== 'scanning') return { state, effects: [] }; // another change came, so another scan will
  const known: State = { ...state, files: 'known' };
  // What it was compared with ended meanwhile: a build finds out by itself whether there is something to do.
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
  const due = outcome === 'unchanged' ? state.due : outcome === 'ok' ? 'follow-up' : 'word';
  return proceed({ ...state, doing: 'nothing', due });
}

/** Nothing is under way any more. An image that is out of date already is not followed up. */
function proceed(state: State): Step {
  if (state.files !== 'known') return { state, effects: [] };
  if (state.again !== 'no') return begin(state);
  switch (state.due) {
    case 'nothing':
      return { state, effects: [] };
    case 'word':
      return { state: { ...state, due: 'nothing' }, effects: ['tell waiting'] };
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
