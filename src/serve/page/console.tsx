// A machine that is tried: its serial console, to type at.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ConsoleAnswer } from '../routes/consoles.ts';
import { ask, post, useAnswer, useWork } from './api.ts';
import { Problem, View } from './parts.tsx';
import { Screen, TerminalView } from './terminal.tsx';

/** A button that boots a machine, and shows its console. */
export function Try({ name }: { readonly name: string }) {
  const { isBusy, refused, begin } = useWork();
  const boot = async () => {
    const { id } = await post<ConsoleAnswer>('/api/consoles', { machine: name });
    location.hash = `#/consoles/${id}`;
  };
  return (
    <>
      <button type="button" disabled={isBusy} aria-label={`Try ${name}`} onClick={() => begin(boot)}>
        Try
      </button>
      <Problem of={refused} />
    </>
  );
}

export function ConsoleView({ id }: { readonly id: string }) {
  const { value: consoles } = useAnswer<readonly ConsoleAnswer[]>('/api/consoles');
  const screen = useMemo(() => new Screen(true), []);
  const [isOver, setOver] = useState(false);
  const { isBusy, refused, begin } = useWork();
  const typing = useRef(Promise.resolve<unknown>(undefined));
  const path = `/api/consoles/${encodeURIComponent(id)}`;
  useEffect(() => {
    const source = new EventSource(`${path}/output`);
    source.onmessage = ({ data }: MessageEvent<string>) => {
      screen.terminal.write(Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)));
    };
    // One that is not there is not tried again.
    source.onerror = () => setOver(source.readyState === EventSource.CLOSED);
    source.addEventListener('end', () => {
      source.close();
      setOver(true);
    });
    // One after the other: letters stay in their order.
    const keys = screen.terminal.onData((text) => {
      typing.current = typing.current.then(() => post(`${path}/input`, { text })).catch(() => {});
    });
    screen.terminal.focus();
    return () => {
      source.close();
      keys.dispose();
    };
  }, [path, screen]);
  const about = consoles?.find((one) => one.id === id);
  return (
    <View title={about ? `Console of ${about.name}` : 'Console'}>
      <p aria-live="polite">
        {isOver ? 'The machine has ended.' : 'What it writes to its disks is discarded. '}
        {about?.why}
      </p>
      {isOver ? null : (
        <div class="actions">
          <button
            type="button"
            class="danger"
            disabled={isBusy}
            onClick={() => begin(() => ask(path, 'DELETE'))}
          >
            End the machine
          </button>
        </div>
      )}
      <Problem of={refused} />
      <TerminalView screen={screen} label="Serial console" />
    </View>
  );
}
