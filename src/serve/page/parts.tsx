// What several views are made of: states, sizes, failures, questions.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Refused } from './api.ts';

/** A state, by a word; its color only repeats that. */
export function State({ of }: { readonly of: string }) {
  return <span class={`state ${of}`}>{of}</span>;
}

/** `1.8 MiB` */
export function bytes(count: number | undefined): string {
  if (count === undefined) return '';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, count < 1 ? 0 : Math.floor(Math.log2(count) / 10));
  const value = count / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** `4 min 52 s` */
export function seconds(count: number | undefined): string {
  if (count === undefined) return '';
  if (count < 10) return `${count.toFixed(1)} s`;
  const minutes = Math.floor(count / 60);
  return minutes === 0 ? `${Math.round(count)} s` : `${minutes} min ${Math.round(count % 60)} s`;
}

/** A time in the form of this browser. */
export function Time({ of }: { readonly of: string | undefined }) {
  if (of === undefined) return null;
  return (
    <time dateTime={of}>
      {new Date(of).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'short' })}
    </time>
  );
}

/** What went wrong, and what to do about it. */
export function Problem({ of }: { readonly of: Refused | undefined }) {
  if (!of) return null;
  const { message, hint, detail } = of.failure;
  return (
    <div class="problem" role="alert">
      <p>{message}</p>
      {hint === undefined ? null : <p>{hint}</p>}
      {detail ? <pre tabIndex={0}>{detail.join('\n')}</pre> : null}
    </div>
  );
}

/** What was typed into the fields for secrets, by name, while they are seen. */
const typed = new Map<string, string>();

/** The secrets for a job. */
export function typedSecrets(): { readonly secrets?: Readonly<Record<string, string>> } {
  return typed.size === 0 ? {} : { secrets: Object.fromEntries(typed) };
}

/** Fields for the secrets that layers read which have to run. */
export function Secrets({ names }: { readonly names: readonly string[] }) {
  return names.length === 0 ? null : <SecretFields names={names} />;
}

function SecretFields({ names }: { readonly names: readonly string[] }) {
  useEffect(() => () => typed.clear(), []);
  return (
    <fieldset>
      <legend>Secrets</legend>
      <p>For the next build or export. The server keeps them in memory until that ends.</p>
      {names.map((name) => (
        <label key={name}>
          {name}{' '}
          <input
            type="password"
            autocomplete="off"
            onInput={({ currentTarget: { value } }) => {
              if (value === '') typed.delete(name);
              else typed.set(name, value);
            }}
          />
        </label>
      ))}
    </fieldset>
  );
}

/** A view with its heading, which gets the focus, so that a screen reader reads it. */
export function View({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · vlb`;
    heading.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </>
  );
}

/** A question, with the answer that does it and one that does not. */
export function Question({
  text,
  action,
  onAnswer,
}: {
  readonly text: string;
  readonly action: string;
  readonly onAnswer: (yes: boolean) => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="question" onCancel={() => onAnswer(false)}>
      <p id="question">{text}</p>
      <div class="actions">
        <button type="button" class="danger" onClick={() => onAnswer(true)}>
          {action}
        </button>
        <button type="button" onClick={() => onAnswer(false)}>
          Keep
        </button>
      </div>
    </dialog>
  );
}

export function layerLink(name: string): string {
  return `#/layers/${encodeURIComponent(name)}`;
}

export function jobLink(id: string): string {
  return `#/jobs/${encodeURIComponent(id)}`;
}

/** Goes to the view of a job that was just added. */
export function show({ id }: { readonly id: string }): void {
  location.hash = jobLink(id);
}

/** Links to the bill of materials of a layer, an image or a machine. */
export function Bill({ of }: { readonly of: string }) {
  const address = `/api/sbom/${encodeURIComponent(of)}`;
  return (
    <p>
      Bill of materials of {of}:{' '}
      <a href={`${address}?format=cyclonedx`} download>
        CycloneDX
      </a>
      ,{' '}
      <a href={`${address}?format=spdx`} download>
        SPDX
      </a>
    </p>
  );
}
