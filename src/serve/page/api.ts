// Requests to the server, and their answers as values for components.

import { useEffect, useState } from 'preact/hooks';
import type { Failure } from '../../model/failure.ts';

/** What the server refused or could not do. */
export class Refused extends Error {
  readonly status: number;
  readonly failure: Pick<Failure, 'message' | 'hint' | 'detail'>;

  constructor(status: number, failure: Pick<Failure, 'message' | 'hint' | 'detail'>) {
    super(failure.message);
    this.status = status;
    this.failure = failure;
  }
}

/** Asks the server. Throws `Refused`. */
export async function ask(path: string, method = 'GET', body?: unknown): Promise<Response> {
  const reply = await fetch(path, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  }).catch(() => {
    throw new Refused(0, { message: 'the server does not answer', hint: 'start vlb serve again' });
  });
  if (reply.ok) return reply;
  const { failure } = await reply.json().catch(() => ({ failure: { message: reply.statusText } }));
  if (reply.status === 401) for (const listener of onLoggedOut) listener();
  throw new Refused(reply.status, failure);
}

/** The JSON that a route answers with. */
export async function get<T>(path: string): Promise<T> {
  return (await ask(path)).json();
}

export async function post<T>(path: string, body?: unknown): Promise<T> {
  return (await ask(path, 'POST', body)).json();
}

/** Called when the session has ended. */
export const onLoggedOut = new Set<() => void>();

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly refused: Refused | undefined;
  /** Asks again. */
  readonly reload: () => void;
}

/**
 * What a route answers.
 * @param every milliseconds after which it is asked again while the page is seen; 0 for once
 */
export function useAnswer<T>(path: string, every = 0): Loaded<T> {
  const [state, setState] = useState<Pick<Loaded<T>, 'value' | 'refused'>>({
    value: undefined,
    refused: undefined,
  });
  const [count, setCount] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async () => {
      try {
        if (document.visibilityState === 'visible') {
          const value = await get<T>(path);
          if (isCurrent) setState({ value, refused: undefined });
        }
      } catch (error) {
        const refused = error instanceof Refused ? error : new Refused(0, { message: String(error) });
        if (isCurrent) setState((before) => ({ ...before, refused }));
      }
      if (isCurrent && every > 0) timer = setTimeout(load, every);
    };
    void load();
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [path, every, count]);
  return { ...state, reload: () => setCount((before) => before + 1) };
}

/** Work that a button begins: whether it runs, and why it failed. */
export function useWork(): {
  readonly isBusy: boolean;
  readonly refused: Refused | undefined;
  readonly begin: (work: () => Promise<unknown>) => void;
} {
  const [isBusy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Refused>();
  const begin = (work: () => Promise<unknown>) => {
    setBusy(true);
    setRefused(undefined);
    work()
      .catch((error: unknown) =>
        setRefused(error instanceof Refused ? error : new Refused(0, { message: String(error) })),
      )
      .finally(() => setBusy(false));
  };
  return { isBusy, refused, begin };
}
