// Exports: what there is to download, writing more, and removing one.

import { useState } from 'preact/hooks';
import type { Job } from '../jobs/job.ts';
import type { ExportAnswer } from '../routes/exports.ts';
import type { Overview } from '../routes/project.ts';
import { ask, post, useAnswer, useWork } from './api.ts';
import { secretsOf } from './overview.tsx';
import { Bill, bytes, Problem, Question, Secrets, show, Time, typedSecrets, View } from './parts.tsx';

const EVERY_MILLISECONDS = 5000;

export function Exports() {
  const {
    value: exports,
    refused,
    reload,
  } = useAnswer<readonly ExportAnswer[]>('/api/exports', EVERY_MILLISECONDS);
  const { value: project } = useAnswer<Overview>('/api/overview');
  const [asked, setAsked] = useState<ExportAnswer>();
  const { refused: notRemoved, begin } = useWork();
  const answer = (yes: boolean) => {
    const one = asked;
    setAsked(undefined);
    if (!yes || !one) return;
    begin(async () => {
      await ask(addressOf(one), 'DELETE');
      reload();
    });
  };
  return (
    <View title="Exports">
      <Problem of={refused ?? notRemoved} />
      {exports?.length === 0 ? <p>There are no exports in build/export.</p> : null}
      <div class="tiles">
        {exports?.map((one) => (
          <article key={addressOf(one)} aria-labelledby={addressOf(one)}>
            <h2 id={addressOf(one)}>
              {one.machine} as {one.format}
            </h2>
            <p>
              {bytes(one.bytes)}, <Time of={one.written} />
            </p>
            <ul class="files">
              {one.files.map(({ name, size, sha256 }) => (
                <li key={name}>
                  <a href={`${addressOf(one)}/${name.split('/').map(encodeURIComponent).join('/')}`} download>
                    {name}
                  </a>{' '}
                  {bytes(size)}
                  <br />
                  <small>
                    SHA-256 <code>{sha256}</code>
                  </small>
                </li>
              ))}
            </ul>
            <Bill of={one.machine} />
            {project?.readOnly === false ? (
              <button
                type="button"
                class="danger"
                aria-label={`Remove ${one.machine} as ${one.format}`}
                onClick={() => setAsked(one)}
              >
                Remove
              </button>
            ) : null}
          </article>
        ))}
      </div>
      {asked ? (
        <Question
          text={`Remove the export of ${asked.machine} as ${asked.format}, ${bytes(asked.bytes)}?`}
          action="Remove"
          onAnswer={answer}
        />
      ) : null}
      {project?.readOnly === false ? <NewExport project={project} /> : null}
    </View>
  );
}

function addressOf({ machine, format }: Pick<ExportAnswer, 'machine' | 'format'>): string {
  return `/api/exports/${encodeURIComponent(machine)}/${encodeURIComponent(format)}`;
}

function NewExport({ project: { machines, images, layers, formats } }: { readonly project: Overview }) {
  const { isBusy, refused, begin } = useWork();
  const names = [machines, images, layers.filter(({ isBase }) => !isBase).toReversed()]
    .flat()
    .map(({ name }) => name);
  return (
    <>
      <h2>Export</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const data = new FormData(event.currentTarget);
          const request = {
            names: [String(data.get('name'))],
            formats: data.getAll('format').map(String),
            ...typedSecrets(),
          };
          begin(async () => show(await post<Job>('/api/exports', request)));
        }}
      >
        <label>
          Machine, image or layer{' '}
          <select name="name">
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <Secrets names={secretsOf(layers)} />
        <fieldset>
          <legend>Formats</legend>
          <ul class="formats">
            {formats.map(({ name, text }) => (
              <li key={name}>
                <label>
                  <input type="checkbox" name="format" value={name} /> <strong>{name}</strong> {text}
                </label>
              </li>
            ))}
          </ul>
        </fieldset>
        <p>Without a format, those that vlb.yaml lists for a machine. What is not built is built first.</p>
        <button type="submit" class="main" disabled={isBusy}>
          Export
        </button>
      </form>
      <Problem of={refused} />
    </>
  );
}
