// Jobs: the list, and one with its live output.

import { useMemo } from 'preact/hooks';
import type { Job, JobRequest } from '../jobs/job.ts';
import { post, Refused, useAnswer, useWork } from './api.ts';
import { type Followed, useJob } from './follow.ts';
import { bytes, jobLink, layerLink, Problem, State, seconds, show, Time, View } from './parts.tsx';
import { Screen, TerminalView } from './terminal.tsx';

const EVERY_MILLISECONDS = 2000;

/** `build of 20_app` */
function titleOf(request: JobRequest): string {
  switch (request.kind) {
    case 'build':
      return `Build of ${request.targets.length === 0 ? 'all layers' : request.targets.join(', ')}`;
    case 'export': {
      const formats = request.formats.length === 0 ? '' : ` as ${request.formats.join(', ')}`;
      return `Export of ${request.names.length === 0 ? 'all machines' : request.names.join(', ')}${formats}`;
    }
    case 'verify':
      return 'Verification of the store';
  }
}

export function Jobs() {
  const { value: jobs, refused } = useAnswer<readonly Job[]>('/api/jobs', EVERY_MILLISECONDS);
  return (
    <View title="Jobs">
      <Problem of={refused} />
      {jobs?.length === 0 ? <p>Nothing was built, exported or verified here yet.</p> : null}
      <ul class="jobs">
        {jobs?.map(({ id, request, state, created, user }) => (
          <li key={id}>
            <State of={state} /> <a href={jobLink(id)}>{titleOf(request)}</a> <Time of={created} />
            {user === undefined ? '' : ` by ${user}`}
          </li>
        ))}
      </ul>
    </View>
  );
}

export function JobView({ id }: { readonly id: string }) {
  const { value: asked, refused } = useAnswer<Job>(`/api/jobs/${encodeURIComponent(id)}`, EVERY_MILLISECONDS);
  const screen = useMemo(() => new Screen(), []);
  const followed = useJob(id, screen.line);
  const work = useWork();
  const job = followed.job ?? asked;
  if (!job) return <View title="Job">{refused ? <Problem of={refused} /> : null}</View>;
  const isOver = job.state !== 'waiting' && job.state !== 'running';
  const again = () => {
    const { kind, ...request } = job.request;
    const path = { build: '/api/builds', export: '/api/exports', verify: '/api/store/verify' }[kind];
    return post<Job>(path, kind === 'verify' ? undefined : request);
  };
  return (
    <View title={titleOf(job.request)}>
      <p aria-live="polite">
        <State of={job.state} /> <Time of={job.created} /> {took(job)}
        {followed.isConnected || isOver ? '' : ' The connection is lost; it is tried again.'}
        {job.state === 'lost' ? ' The server was killed while it ran.' : ''}
      </p>
      <div class="actions">
        {isOver ? (
          <button
            type="button"
            class="main"
            disabled={work.isBusy}
            onClick={() => work.begin(async () => show(await again()))}
          >
            Do it again
          </button>
        ) : (
          <button
            type="button"
            class="danger"
            disabled={work.isBusy}
            onClick={() => work.begin(() => post(`/api/jobs/${encodeURIComponent(id)}/cancel`))}
          >
            Cancel
          </button>
        )}
      </div>
      <Problem of={work.refused} />
      <Why followed={followed} />
      <Rows followed={followed} />
      {followed.notes.map((note) => (
        <p key={note} class="note">
          {note}
        </p>
      ))}
      <h2>Output</h2>
      <TerminalView screen={screen} label="Output of the layers" />
    </View>
  );
}

function took({ started, ended }: Job): string {
  if (started === undefined || ended === undefined) return '';
  return `in ${seconds((Date.parse(ended) - Date.parse(started)) / 1000)}`;
}

function Why({ followed: { failure, failedLayer } }: { readonly followed: Followed }) {
  if (!failure) return null;
  return (
    <section aria-label="Failure">
      <Problem of={new Refused(0, failure)} />
      {failedLayer === undefined ? null : (
        <p>
          <a href={layerLink(failedLayer)}>See {failedLayer} with its script and log</a>
        </p>
      )}
    </section>
  );
}

function Rows({ followed: { rows } }: { readonly followed: Followed }) {
  if (rows.size === 0) return null;
  return (
    <table class="cards">
      <caption class="hidden">Progress</caption>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">State</th>
          <th scope="col">Now</th>
          <th scope="col">Size</th>
          <th scope="col">Time</th>
        </tr>
      </thead>
      <tbody>
        {[...rows.values()].map(({ name, state, text, ...row }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td data-label="State">
              <State of={state} />
            </td>
            <td data-label="Now">
              {text}
              {row.total ? (
                <progress max={row.total} value={row.bytes ?? 0} aria-label={`Progress of ${name}`} />
              ) : null}
            </td>
            <td data-label="Size">{bytes(row.bytes)}</td>
            <td data-label="Time">{seconds(row.seconds)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
