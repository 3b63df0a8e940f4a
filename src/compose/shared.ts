// The composition root of the shared cache. Loaded only for projects that have one.

import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Environment } from '../model/environment.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import type { BucketConfig, SharedAccess, SharedCacheConfig } from '../model/ports/shared-cache.ts';
import type { SharedCacheUpkeep } from '../model/ports/shared-upkeep.ts';
import type { Store } from '../model/ports/store.ts';
import { proxyVariables } from '../project/config/proxies.ts';
import { Bucket, type BucketOptions } from '../shared-cache/bucket/bucket.ts';
import { isScope, TRUSTED } from '../shared-cache/bucket/layout.ts';
import { signerOf } from '../shared-cache/bucket/signatures.ts';
import { Claims } from '../shared-cache/cache/claims.ts';
import { tieredStore } from '../shared-cache/cache/tiered-store.ts';
import {
  DEFAULT_RETRY_POLICY,
  RetryingObjectStore,
  type StoreWatcher,
} from '../shared-cache/objects/retrying.ts';
import type { S3Options } from '../shared-cache/objects/s3.ts';
import { openSharedCacheUpkeep } from '../shared-cache/upkeep/shared-upkeep.ts';
import { systemError } from '../util/errors.ts';
import type { Access, Watchers } from '../workspace/request.ts';

const CONNECT_WITHIN = 5_000;
/** As long as a server may think before it answers. */
const SILENT_FOR = 60_000;

/** A local store with a shared cache behind it. Nothing is asked of that yet. Fails as `usage`, see `placeOf` and `wayOf`. */
export function shareStore(
  local: Store,
  shared: SharedCacheConfig,
  variables: Environment['variables'],
  options: Pick<Access, 'remote' | 'flushFetched'> & Watchers,
): Result<Store> {
  const place = placeOf(variables);
  if (!place.ok) return place;
  const way = wayOf(variables);
  if (!way.ok) return way;
  const onNote = (message: string) => options.emit({ type: 'note', message });
  const open = () => openBucket(shared, place.value, options.remote, way.value, onNote);
  const flush = options.flushFetched === true;
  const job = variables['VLB_JOB'] || undefined;
  const claims = new Claims({ host: hostname(), pid: process.pid, job });
  return ok(tieredStore({ local, open, claims, flush, onNote, onTransfer: options.emit }, options.signal));
}

/** Who this process is to others that share the cache: where it writes, and how it signs. */
type Place = Pick<BucketOptions, 'scope' | 'signer'>;

/** Opens the bucket: the client that speaks to it is large, and loaded only here. */
async function openBucket(
  { bucket, trustedKeys }: SharedCacheConfig,
  place: Place,
  access: SharedAccess,
  way: Way,
  onNote: (message: string) => void,
): Promise<Bucket> {
  const objects = await openRetryingObjectStore(bucket, way, (at) => ({
    onLost: (why, forGood) =>
      onNote(
        `not using the shared cache ${at} ${forGood ? 'for the rest of this run' : 'until it answers'}: ${why}`,
      ),
    onFound: () => onNote(`using the shared cache ${at} again`),
  }));
  return new Bucket({ objects, ...place, access, trustedKeys, onNote });
}

/** Opens the upkeep of a bucket. Fails as `usage`, see `wayOf`. */
export async function openUpkeep(
  { bucket }: SharedCacheConfig,
  variables: Environment['variables'],
): Promise<Result<SharedCacheUpkeep>> {
  const way = wayOf(variables);
  if (!way.ok) return way;
  return ok(openSharedCacheUpkeep(await openRetryingObjectStore(bucket, way.value, () => QUIET)));
}

/** The failure that it leads to says why. */
const QUIET: StoreWatcher = { onLost: () => {}, onFound: () => {} };

async function openRetryingObjectStore(
  bucket: BucketConfig,
  way: Way,
  watcher: (place: string) => StoreWatcher,
): Promise<RetryingObjectStore> {
  const { openS3 } = await import('../shared-cache/objects/s3.ts');
  const store = openS3({ ...bucket, connectWithin: CONNECT_WITHIN, silentFor: SILENT_FOR, ...way });
  return new RetryingObjectStore(store, DEFAULT_RETRY_POLICY, watcher(store.place));
}

/** How this machine reaches the bucket. */
type Way = Pick<S3Options, 'proxies' | 'authorities'>;

/** What the proxy variables and AWS_CA_BUNDLE say. Fails as `usage`. */
function wayOf(variables: Environment['variables']): Result<Way> {
  const proxies = proxyVariables(variables);
  if (!proxies.ok) return proxies;
  const file = variables['AWS_CA_BUNDLE'];
  if (!file) return ok({ proxies: proxies.value });
  const text = readNamed('AWS_CA_BUNDLE', file);
  if (!text.ok) return text;
  if (text.value.includes('-----BEGIN CERTIFICATE-----')) {
    return ok({ proxies: proxies.value, authorities: text.value });
  }
  return fail('usage', 'AWS_CA_BUNDLE has to name a file with certificates in PEM format', {
    where: { file },
  });
}

function readNamed(variable: string, file: string): Result<string> {
  try {
    return ok(readFileSync(file, 'utf8'));
  } catch (error) {
    return fail('usage', `the file that ${variable} names cannot be read: ${systemError(error).message}`);
  }
}

/** What VLB_CACHE_SCOPE and VLB_CACHE_SIGNING_KEY say. Fails as `usage`. */
function placeOf(variables: Environment['variables']): Result<Place> {
  const scope = variables['VLB_CACHE_SCOPE'] || TRUSTED;
  if (!isScope(scope)) {
    return fail('usage', `VLB_CACHE_SCOPE cannot be ${scope}`, {
      hint: 'it is trusted, untrusted, or untrusted/NAME with a NAME of letters, digits and ._-',
    });
  }
  const file = variables['VLB_CACHE_SIGNING_KEY'];
  if (!file) return ok({ scope, signer: undefined });
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    const { message } = systemError(error);
    return fail('usage', `the key that VLB_CACHE_SIGNING_KEY names cannot be read: ${message}`);
  }
  const signer = signerOf(pem);
  if (signer) return ok({ scope, signer });
  return fail('usage', 'VLB_CACHE_SIGNING_KEY has to name a file with a private key for Ed25519', {
    where: { file },
    hint: 'vlb store keygen makes one',
  });
}
