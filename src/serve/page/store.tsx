// The store: what it holds, what can go, removing that, and verifying all of it.

import { useState } from 'preact/hooks';
import type { Job } from '../jobs/job.ts';
import type { Overview } from '../routes/project.ts';
import type { CollectedAnswer, StoreAnswer } from '../routes/store.ts';
import { get, post, useAnswer, useWork } from './api.ts';
import { bytes, Problem, Question, show, Time, View } from './parts.tsx';

export function Store() {
  const { value: store, refused, reload } = useAnswer<StoreAnswer>('/api/store');
  const { value: session } = useAnswer<Pick<Overview, 'readOnly'>>('/api/session');
  const { isBusy, refused: failed, begin } = useWork();
  const [preview, setPreview] = useState<CollectedAnswer>();
  const [isAsked, setAsked] = useState(false);
  const collect = (yes: boolean) => {
    setAsked(false);
    if (!yes) return;
    begin(async () => {
      await post('/api/store/gc');
      setPreview(undefined);
      reload();
    });
  };
  if (!store) return <View title="Store">{refused ? <Problem of={refused} /> : null}</View>;
  const { limits, total, artifacts, points, caches, damaged, entries } = store;
  return (
    <View title="Store">
      <p class="path">{store.directory}</p>
      <dl class="amounts">
        <dt>All</dt>
        <dd>
          {bytes(total.bytes)}
          {limits.maxBytes === undefined ? '' : ` of at most ${bytes(limits.maxBytes)}`}
        </dd>
        <dt>Artifacts</dt>
        <dd>
          {artifacts.count}, {bytes(artifacts.bytes)}
        </dd>
        <dt>Cache points</dt>
        <dd>
          {points.count}, {bytes(points.bytes)}
        </dd>
        <dt>Caches of layers</dt>
        <dd>
          {caches.count}, {bytes(caches.bytes)}
        </dd>
        <dt>Damaged</dt>
        <dd>
          {damaged.count}, {bytes(damaged.bytes)}
        </dd>
      </dl>
      <div class="actions">
        <button
          type="button"
          disabled={isBusy}
          onClick={() => begin(async () => setPreview(await get<CollectedAnswer>('/api/store/gc')))}
        >
          See what can go
        </button>
        {session?.readOnly === false ? (
          <button
            type="button"
            disabled={isBusy}
            onClick={() => begin(async () => show(await post<Job>('/api/store/verify')))}
          >
            Verify
          </button>
        ) : null}
      </div>
      <Problem of={failed} />
      <div aria-live="polite">
        {preview ? (
          <p>
            {preview.removed.length === 0 && preview.points.count === 0
              ? 'Nothing is over the limits.'
              : `${preview.removed.length} artifacts and ${preview.points.count} cache points can go: ${bytes(preview.freed.bytes)}.`}
          </p>
        ) : null}
      </div>
      {preview && preview.freed.count > 0 && session?.readOnly === false ? (
        <button type="button" class="danger" onClick={() => setAsked(true)}>
          Remove them
        </button>
      ) : null}
      {isAsked && preview ? (
        <Question
          text={`Remove ${bytes(preview.freed.bytes)} from the store?`}
          action="Remove"
          onAnswer={collect}
        />
      ) : null}
      <h2>Artifacts</h2>
      <table class="cards">
        <caption class="hidden">Artifacts in the store</caption>
        <thead>
          <tr>
            <th scope="col">Layer</th>
            <th scope="col">Digest</th>
            <th scope="col">Size</th>
            <th scope="col">Created</th>
            <th scope="col">Used</th>
            <th scope="col">In place</th>
          </tr>
        </thead>
        <tbody>
          {entries.map(({ layer, key, digest, bytes: size, created, lastUsed, inPlace }) => (
            <tr key={`${key} ${digest}`}>
              <th scope="row">{layer ?? 'no record'}</th>
              <td data-label="Digest">
                <code>{digest.slice(0, 12)}</code>
              </td>
              <td data-label="Size">{bytes(size)}</td>
              <td data-label="Created">
                <Time of={created} />
              </td>
              <td data-label="Used">
                <Time of={lastUsed} />
              </td>
              <td data-label="In place">{inPlace ? 'yes' : 'no'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </View>
  );
}
