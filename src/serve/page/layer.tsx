// One layer: why it would run, its script, steps and inputs, its log, and what it changed.

import { useEffect, useMemo, useState } from 'preact/hooks';
import type { DiskDiff } from '../../model/disk-diff.ts';
import type { LayerDetail } from '../routes/layers.ts';
import type { Overview } from '../routes/project.ts';
import { ask, get, Refused, useAnswer, useWork } from './api.ts';
import { Build } from './overview.tsx';
import { Bill, bytes, layerLink, Problem, Secrets, State, seconds, Time, View } from './parts.tsx';
import { Screen, TerminalView } from './terminal.tsx';

/** How often the log of a layer that runs is read. */
const EVERY_MILLISECONDS = 1000;
/** How many files of a comparison are shown. */
const MOST_FILES = 500;

export function LayerView({ name }: { readonly name: string }) {
  const path = `/api/layers/${encodeURIComponent(name)}`;
  const { value: layer, refused } = useAnswer<LayerDetail>(path);
  const { value: session } = useAnswer<Pick<Overview, 'readOnly'>>('/api/session');
  if (!layer) return <View title={name}>{refused ? <Problem of={refused} /> : null}</View>;
  const { script, steps, inputs, parent, mounts } = layer;
  return (
    <View title={name}>
      <p>
        <State of={layer.state} /> {layer.kind} {bytes(layer.bytes)} {seconds(layer.seconds)}{' '}
        <Time of={layer.created} />
      </p>
      <pre class="why">{layer.why}</pre>
      {parent === null ? null : (
        <p>
          Parent: <a href={layerLink(parent)}>{parent}</a>
        </p>
      )}
      {mounts.length === 0 ? null : <p>Mounts: {mounts.join(', ')}</p>}
      {layer.nocache === undefined ? null : (
        <p>
          Not kept in the store: the hint nocache of <a href={layerLink(layer.nocache)}>{layer.nocache}</a>{' '}
          applies to it too.
        </p>
      )}
      {session && !session.readOnly && !layer.isBase ? (
        <>
          <Secrets names={layer.neededSecrets} />
          <Build targets={[name]} text="Build" main />
        </>
      ) : null}
      {script ? (
        <>
          <h2>{script.file}</h2>
          <Numbered text={script.text} label={script.file} />
          {script.truncated ? <p>The rest of it is not shown.</p> : null}
        </>
      ) : null}
      {steps.length === 0 ? null : (
        <>
          <h2>Steps</h2>
          <ol>
            {steps.map((step, index) => (
              <li key={`${index} ${step}`}>{step}</li>
            ))}
          </ol>
        </>
      )}
      {inputs.length === 0 ? null : (
        <>
          <h2>Inputs</h2>
          <ul class="files">
            {inputs.map(({ path: file, type, target, executable }) => (
              <li key={file}>
                <code>{file}</code> {target === undefined ? '' : `→ ${target} `}
                {type === 'file' ? (executable ? 'executable' : '') : type}
              </li>
            ))}
          </ul>
        </>
      )}
      {layer.isBase ? null : <Log path={path} name={name} />}
      {layer.state === 'fresh' && !layer.isBase ? (
        <>
          <Changes path={path} />
          <h2>Packages</h2>
          <Bill of={name} />
        </>
      ) : null}
    </View>
  );
}

function Numbered({ text, label }: { readonly text: string; readonly label: string }) {
  const lines = text.replace(/\n$/, '').split('\n');
  return (
    <section class="script" aria-label={label} tabIndex={0}>
      <ol>
        {lines.map((line, index) => (
          <li key={index}>
            <code>{line}</code>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Log({ path, name }: { readonly path: string; readonly name: string }) {
  const [state, setState] = useState<'reading' | 'shown' | Refused>('reading');
  const [skipped, setSkipped] = useState(0);
  const screen = useMemo(() => new Screen(), []);
  useEffect(() => {
    let shown = 0;
    let next: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const read = async () => {
      const reply = await ask(`${path}/log`);
      const begin = Number(reply.headers.get('vlb-skipped-bytes'));
      const bytes = new Uint8Array(await reply.arrayBuffer());
      if (isOver) return;
      const end = begin + bytes.length;
      // Another run has begun, or more was written than is sent at once.
      if (end < shown || begin > shown) {
        screen.terminal.reset();
        shown = begin;
      }
      screen.terminal.write(bytes.subarray(shown - begin));
      shown = end;
      setSkipped(begin);
      setState('shown');
      // This server runs it, or the command line.
      if (reply.headers.get('vlb-running') === 'true')
        next = setTimeout(() => void readOn(), EVERY_MILLISECONDS);
    };
    const readOn = () =>
      read().catch((error: unknown) => {
        if (!isOver && error instanceof Refused) setState(error);
      });
    void readOn();
    return () => {
      isOver = true;
      clearTimeout(next);
    };
  }, [path, screen]);
  return (
    <>
      <h2>Log</h2>
      {state instanceof Refused ? <p>{state.message}</p> : null}
      {state === 'shown' ? (
        <>
          <p>
            <a href={`${path}/log`}>As text</a>
            {skipped > 0 ? `; its first ${bytes(skipped)} are not shown` : ''}
          </p>
          <TerminalView screen={screen} label={`Log of ${name}`} />
        </>
      ) : null}
    </>
  );
}

function Changes({ path }: { readonly path: string }) {
  const [diff, setDiff] = useState<DiskDiff>();
  const { isBusy, refused, begin } = useWork();
  return (
    <>
      <h2>Changes</h2>
      {diff ? (
        <Differences of={diff} />
      ) : (
        <button
          type="button"
          disabled={isBusy}
          onClick={() => begin(async () => setDiff(await get<DiskDiff>(`${path}/diff`)))}
        >
          Compare with the parent
        </button>
      )}
      <p aria-live="polite">{isBusy ? 'Comparing the disks …' : ''}</p>
      <Problem of={refused} />
    </>
  );
}

function Differences({ of: { before, packages, files, notes } }: { readonly of: DiskDiff }) {
  return (
    <>
      <p>
        Compared with {before}: {packages.length} packages, {files.length} files.
      </p>
      {notes.map((note) => (
        <p key={note} class="note">
          {note}
        </p>
      ))}
      <ul class="files">
        {packages.map(({ name, before: old, after }) => (
          <li key={name}>
            <code>{name}</code> {old ?? 'added'} {after === undefined ? 'removed' : after}
          </li>
        ))}
      </ul>
      <ul class="files">
        {files.slice(0, MOST_FILES).map(({ path, change, bytes: size }) => (
          <li key={path}>
            <State of={change} /> <code>{path}</code> {bytes(size)}
          </li>
        ))}
      </ul>
      {files.length > MOST_FILES ? <p>The first {MOST_FILES} files are shown; vlb diff prints all.</p> : null}
    </>
  );
}
