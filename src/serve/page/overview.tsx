// The project: what it consists of, in which state, and what can be done with it.

import type { Job } from '../jobs/job.ts';
import type { LayerAnswer, Overview as Project } from '../routes/project.ts';
import { post, useAnswer, useWork } from './api.ts';
import { Try } from './console.tsx';
import { GraphPicture } from './graph.tsx';
import {
  bytes,
  jobLink,
  layerLink,
  Problem,
  Secrets,
  State,
  seconds,
  show,
  Time,
  typedSecrets,
  View,
} from './parts.tsx';

const EVERY_MILLISECONDS = 3000;

export function Overview() {
  const { value: project, refused } = useAnswer<Project>('/api/overview', EVERY_MILLISECONDS);
  const { value: jobs = [] } = useAnswer<readonly Job[]>('/api/jobs', EVERY_MILLISECONDS);
  const running = jobs.find(({ state }) => state === 'running');
  if (!project) {
    return (
      <View title="Overview">
        {refused ? <Problem of={refused} /> : <p aria-live="polite">Reading the project …</p>}
      </View>
    );
  }
  const { layers, machines, images, readOnly, notes } = project;
  return (
    <View title={project.project.split('/').at(-1) ?? 'Project'}>
      <p class="path">{project.project}</p>
      <Problem of={refused} />
      <div aria-live="polite">
        {running ? (
          <p class="running">
            <State of="running" /> <a href={jobLink(running.id)}>A {running.request.kind} is running</a>
          </p>
        ) : null}
        <p>{summary(layers)}</p>
      </div>
      {readOnly ? (
        <p>This server shows the project and changes nothing.</p>
      ) : (
        <>
          <Secrets names={secretsOf(layers)} />
          <Build targets={[]} text="Build all" main />
        </>
      )}
      {notes.map((note) => (
        <p key={note} class="note">
          {note}
        </p>
      ))}
      <h2>Layers</h2>
      <GraphPicture layers={layers} />
      <table class="cards">
        <caption class="hidden">Layers with their states</caption>
        <thead>
          <tr>
            <th scope="col">Layer</th>
            <th scope="col">State</th>
            <th scope="col">Why</th>
            <th scope="col">Size</th>
            <th scope="col">Time</th>
            <th scope="col">Built</th>
            {readOnly ? null : <th scope="col">Action</th>}
          </tr>
        </thead>
        <tbody>
          {layers.map((layer) => (
            <LayerRow key={layer.name} layer={layer} readOnly={readOnly} />
          ))}
        </tbody>
      </table>
      {machines.length === 0 ? null : <h2>Machines</h2>}
      <div class="tiles">
        {machines.map(({ name, disks, memory, cpus, firmware, formats }) => (
          <article key={name} aria-labelledby={`machine-${name}`}>
            <h3 id={`machine-${name}`}>{name}</h3>
            <dl>
              <dt>Disks</dt>
              <dd>{disks.map((disk) => `${disk.name}: ${disk.image ?? bytes(disk.size)}`).join(', ')}</dd>
              <dt>Memory, processors</dt>
              <dd>
                {bytes(memory)}, {cpus}
              </dd>
              <dt>Firmware</dt>
              <dd>{firmware}</dd>
              <dt>Exports</dt>
              <dd>{formats.length === 0 ? 'none listed' : exportStates(project, name)}</dd>
            </dl>
            {readOnly ? null : (
              <div class="actions">
                <Build targets={disks.flatMap(({ image }) => image ?? [])} text="Build" about={name} />
                {formats.length === 0 ? null : <Export name={name} />}
                <Try name={name} />
              </div>
            )}
          </article>
        ))}
      </div>
      {images.length === 0 ? null : <h2>Images</h2>}
      <ul>
        {images.map(({ name, layer }) => (
          <li key={name}>
            {name}: <a href={layerLink(layer)}>{layer}</a>{' '}
            {readOnly ? null : <Build targets={[name]} text="Build" about={name} />}
          </li>
        ))}
      </ul>
    </View>
  );
}

/** The secrets that a build of everything reads. */
export function secretsOf(layers: readonly LayerAnswer[]): readonly string[] {
  const run = layers.filter(({ state }) => state === 'run' || state === 'failed');
  return [...new Set(run.flatMap(({ secrets }) => secrets))];
}

function summary(layers: readonly LayerAnswer[]): string {
  const counts = Map.groupBy(layers, ({ state }) => state);
  const texts = [...counts].map(([state, those]) => `${those.length} ${TEXTS[state]}`);
  const total = layers.reduce((sum, layer) => sum + (layer.seconds ?? 0), 0);
  return `${layers.length} layers: ${texts.join(', ')}${total > 0 ? `. Built in ${seconds(total)}` : ''}.`;
}

const TEXTS = {
  fresh: 'fresh',
  restore: 'to restore',
  run: 'to run',
  building: 'building',
  failed: 'failed',
} as const;

function exportStates({ exports }: Project, machine: string): string {
  return exports
    .filter((one) => one.machine === machine)
    .map(({ format, reason }) => `${format} (${reason ?? 'fresh'})`)
    .join(', ');
}

function LayerRow({ layer, readOnly }: { readonly layer: LayerAnswer; readonly readOnly: boolean }) {
  const { name, state, why, created } = layer;
  return (
    <tr>
      <th scope="row">
        <a href={layerLink(name)}>{name}</a>
      </th>
      <td data-label="State">
        <State of={state} />
      </td>
      <td data-label="Why">{state === 'fresh' ? '' : (why.split('\n')[0] ?? '').replace(/^.*?: /, '')}</td>
      <td data-label="Size">{bytes(layer.bytes)}</td>
      <td data-label="Time">{seconds(layer.seconds)}</td>
      <td data-label="Built">
        <Time of={created} />
      </td>
      {readOnly ? null : (
        <td data-label="">{layer.isBase ? null : <Build targets={[name]} text="Build" about={name} />}</td>
      )}
    </tr>
  );
}

/** A button that begins a build, and shows it. */
export function Build({
  targets,
  text,
  about,
  main = false,
}: {
  readonly targets: readonly string[];
  readonly text: string;
  /** What is built, for those who hear the button alone. */
  readonly about?: string;
  readonly main?: boolean;
}) {
  const { isBusy, refused, begin } = useWork();
  return (
    <>
      <button
        type="button"
        class={main ? 'main' : ''}
        disabled={isBusy}
        aria-label={about === undefined ? undefined : `${text} ${about}`}
        onClick={() =>
          begin(async () => show(await post<Job>('/api/builds', { targets, ...typedSecrets() })))
        }
      >
        {text}
      </button>
      <Problem of={refused} />
    </>
  );
}

function Export({ name }: { readonly name: string }) {
  const { isBusy, refused, begin } = useWork();
  return (
    <>
      <button
        type="button"
        disabled={isBusy}
        aria-label={`Export ${name}`}
        onClick={() =>
          begin(async () => show(await post<Job>('/api/exports', { names: [name], ...typedSecrets() })))
        }
      >
        Export
      </button>
      <Problem of={refused} />
    </>
  );
}
