// A new machine: a profile, its form, the files that it would write, and writing them.

import { useState } from 'preact/hooks';
import type { FieldAnswer, ProfileAnswer } from '../routes/machines.ts';
import type { Overview } from '../routes/project.ts';
import { post, useAnswer, useWork } from './api.ts';
import { Problem, View } from './parts.tsx';

interface File {
  readonly path: string;
  readonly text: string;
}

type Values = Readonly<Record<string, string | boolean | readonly string[]>>;

export function NewMachine() {
  const { value: profiles, refused, reload } = useAnswer<readonly ProfileAnswer[]>('/api/profiles');
  const { value: project } = useAnswer<Overview>('/api/overview');
  const [chosen, setChosen] = useState('');
  const profile = profiles?.find(({ name }) => name === chosen) ?? profiles?.[0];
  return (
    <View title="New machine">
      <Problem of={refused} />
      {project?.readOnly ? <p>This server shows the project and changes nothing.</p> : null}
      {profiles && profile && project ? (
        <>
          <label>
            Profile{' '}
            <select value={profile.name} onChange={(event) => setChosen(event.currentTarget.value)}>
              {profiles.map(({ name, title, isOwn }) => (
                <option key={name} value={name}>
                  {title}
                  {isOwn ? ' (of this project)' : ''}
                </option>
              ))}
            </select>
          </label>
          <p>{profile.description}</p>
          <Form key={profile.name} profile={profile} project={project} onSaved={reload} />
        </>
      ) : null}
    </View>
  );
}

function Form({
  profile,
  project,
  onSaved,
}: {
  readonly profile: ProfileAnswer;
  readonly project: Overview;
  readonly onSaved: () => void;
}) {
  const [files, setFiles] = useState<readonly File[]>();
  const [request, setRequest] = useState<object>();
  const [said, setSaid] = useState('');
  const { isBusy, refused, begin } = useWork();
  const layers = project.layers.filter(({ isBase }) => !isBase).map(({ name }) => name);
  const preview = (form: HTMLFormElement) =>
    begin(async () => {
      const data = new FormData(form);
      const wanted = {
        profile: profile.name,
        machine: String(data.get('machine')),
        ...(data.get('parent') ? { parent: String(data.get('parent')) } : {}),
        values: valuesIn(data, profile.fields),
      };
      setFiles(undefined);
      setSaid('');
      setFiles(await post<readonly File[]>('/api/machines/preview', wanted));
      setRequest(wanted);
    });
  const write = () =>
    begin(async () => {
      await post('/api/machines', request);
      location.hash = '#/';
    });
  const save = (form: HTMLFormElement | null) =>
    form &&
    begin(async () => {
      const data = new FormData(form);
      const name = String(data.get('machine'));
      const values = valuesIn(data, profile.fields);
      const { file } = await post<{ file: string }>('/api/profiles', { profile: profile.name, name, values });
      setSaid(`Saved as ${file}.`);
      onSaved();
    });
  return (
    <>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          preview(event.currentTarget);
        }}
        onInput={() => setFiles(undefined)}
      >
        <label>
          Name of the machine <input name="machine" required pattern="[a-z0-9][a-z0-9\-]*" />
        </label>
        {layers.length === 0 ? null : (
          <label>
            Built on{' '}
            <select name="parent">
              {layers.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        {profile.fields.map((field) => (
          <FieldInput key={field.name} field={field} formats={project.formats.map(({ name }) => name)} />
        ))}
        <div class="actions">
          <button type="submit" class="main" disabled={isBusy}>
            See the files
          </button>
          {project.readOnly ? null : (
            <button type="button" disabled={isBusy} onClick={(event) => save(event.currentTarget.form)}>
              Save as a profile
            </button>
          )}
        </div>
      </form>
      <Problem of={refused} />
      <p aria-live="polite">{said}</p>
      {files ? (
        <section aria-label="Files">
          <h2>Files</h2>
          {files.map(({ path, text }) => (
            <article key={path}>
              <h3>{path}</h3>
              <pre tabIndex={0}>{text}</pre>
            </article>
          ))}
          {project.readOnly ? null : (
            <div class="actions">
              <button type="button" class="main" disabled={isBusy} onClick={write}>
                Write them
              </button>
            </div>
          )}
        </section>
      ) : null}
    </>
  );
}

/** What is filled in; for a flag or formats, what is ticked. */
function valuesIn(data: FormData, fields: readonly FieldAnswer[]): Values {
  const entries = fields.map(({ name, type }): [string, string | boolean | readonly string[]] => {
    if (type === 'flag') return [name, data.has(`field-${name}`)];
    if (type === 'formats') return [name, data.getAll(`field-${name}`).map(String)];
    return [name, String(data.get(`field-${name}`) ?? '')];
  });
  return Object.fromEntries(entries);
}

function FieldInput({
  field,
  formats,
}: {
  readonly field: FieldAnswer;
  readonly formats: readonly string[];
}) {
  const { name: own, type, text, optional, choices } = field;
  const name = `field-${own}`;
  const given = Array.isArray(field.default) ? field.default : [];
  switch (type) {
    case 'flag':
      return (
        <label>
          <input type="checkbox" name={name} defaultChecked={field.default === true} /> {text}
        </label>
      );
    case 'choice':
      return (
        <label>
          {text}{' '}
          <select name={name}>
            {choices?.map((choice) => (
              <option key={choice} selected={choice === field.default}>
                {choice}
              </option>
            ))}
          </select>
        </label>
      );
    case 'formats':
      return (
        <fieldset>
          <legend>{text}</legend>
          {formats.map((format) => (
            <label key={format} class="short">
              <input type="checkbox" name={name} value={format} defaultChecked={given.includes(format)} />{' '}
              {format}
            </label>
          ))}
        </fieldset>
      );
    case 'number':
      return (
        <label>
          {text}{' '}
          <input
            type="number"
            name={name}
            min={field.min}
            max={field.max}
            defaultValue={String(field.default ?? '')}
            required={!optional}
          />
        </label>
      );
    default:
      return (
        <label>
          {text}
          {optional ? ' (optional)' : ''}{' '}
          <input
            name={name}
            defaultValue={
              Array.isArray(field.default) ? field.default.join(' ') : String(field.default ?? '')
            }
            required={!optional}
          />
        </label>
      );
  }
}
