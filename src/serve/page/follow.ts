// The events of a job as they come, and what they amount to.

import { useEffect, useState } from 'preact/hooks';
import type { BuildEvent } from '../../model/event.ts';
import type { Failure } from '../../model/failure.ts';
import type { Job } from '../jobs/job.ts';

/** A layer or an export in a job. */
export interface Progress {
  readonly name: string;
  readonly state: string;
  /** What it does now, or why it is to be done. */
  readonly text: string;
  readonly seconds?: number | undefined;
  readonly bytes?: number | undefined;
  readonly total?: number | undefined;
}

export interface Followed {
  readonly rows: ReadonlyMap<string, Progress>;
  readonly notes: readonly string[];
  readonly failure: Failure | undefined;
  /** Of the layer that failed first. */
  readonly failedLayer: string | undefined;
  /** Once it has ended. */
  readonly job: Job | undefined;
  readonly isConnected: boolean;
}

const BEGINNING: Followed = {
  rows: new Map(),
  notes: [],
  failure: undefined,
  failedLayer: undefined,
  job: undefined,
  isConnected: true,
};

/**
 * Follows a job from its beginning. A browser whose connection is lost continues behind the last event on its own.
 * @param print gets each line of output with its layer
 */
export function useJob(id: string, print: (layer: string, line: string) => void): Followed {
  const [followed, setFollowed] = useState(BEGINNING);
  useEffect(() => {
    let current = BEGINNING;
    let frame = 0;
    // Thousands of events a second are shown as often as the screen is painted.
    const show = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        setFollowed(current);
      });
    };
    setFollowed(BEGINNING);
    const source = new EventSource(`/api/jobs/${encodeURIComponent(id)}/events`);
    source.onmessage = ({ data }) => {
      const event: BuildEvent = JSON.parse(data);
      if (event.type === 'output') print(event.layer, event.line);
      else if (event.type === 'check-output') print(event.image, event.line);
      else current = next(current, event);
      show();
    };
    source.onopen = () => {
      current = { ...current, isConnected: true };
      show();
    };
    source.onerror = () => {
      current = { ...current, isConnected: false };
      show();
    };
    source.addEventListener('end', ({ data }: MessageEvent<string>) => {
      source.close();
      current = { ...current, job: JSON.parse(data), isConnected: true };
      show();
    });
    return () => {
      source.close();
      cancelAnimationFrame(frame);
    };
  }, [id]);
  return followed;
}

/** What is known after one more event. */
function next(before: Followed, event: BuildEvent): Followed {
  const row = (name: string, change: Partial<Progress>): Followed => {
    const rows = new Map(before.rows);
    rows.set(name, { ...(before.rows.get(name) ?? { name, state: 'waiting', text: '' }), ...change });
    return { ...before, rows };
  };
  switch (event.type) {
    case 'plan': {
      const rows = event.steps.map(({ layer, action, reason }) => {
        const state = action === 'run' ? 'waiting' : action;
        return [layer, { name: layer, state, text: reason ?? '' }] as const;
      });
      return { ...before, rows: new Map(rows) };
    }
    case 'layer-started':
      return row(event.layer, { state: 'running', text: '' });
    case 'layer-stage':
      return row(event.layer, { text: event.stage });
    case 'layer-step':
      return row(event.layer, { text: `step ${event.index}/${event.count}: ${event.title}` });
    case 'layer-size':
      return row(event.layer, { bytes: event.bytes });
    case 'progress':
      return row(event.layer, { text: 'download', bytes: event.bytes, total: event.total });
    case 'transfer':
      return row(event.layer, { text: event.direction, bytes: event.bytes, total: event.total });
    case 'layer-finished': {
      const { layer, outcome, seconds, bytes, failure } = event;
      const after = row(layer, {
        state: outcome,
        text: failure?.message ?? '',
        seconds,
        bytes,
        total: undefined,
      });
      return failure && outcome === 'failed' && !before.failure
        ? { ...after, failure, failedLayer: layer }
        : after;
    }
    case 'export-started':
      return row(`${event.machine} as ${event.format}`, { state: 'running' });
    case 'export-progress':
      return row(`${event.machine} as ${event.format}`, { bytes: event.bytes, total: event.total });
    case 'export-finished': {
      const { outcome: state, seconds, failure } = event;
      return row(`${event.machine} as ${event.format}`, {
        state,
        seconds,
        text: failure?.message ?? '',
        total: undefined,
      });
    }
    case 'check-started':
      return row(`${event.image}: ${event.check}`, { state: 'running' });
    case 'check-finished':
      return row(`${event.image}: ${event.check}`, { state: event.outcome, seconds: event.seconds });
    case 'note':
      return { ...before, notes: [...before.notes, event.message] };
    case 'finished':
      return { ...before, failure: before.failure ?? event.failure };
    default:
      return before;
  }
}
