// The object store in an S3 bucket, through the AWS SDK. It is a bundle file of its own, see bin/bundle.mjs: the SDK is
// larger than all of vlb, and loaded only before the first request. Loaded with import() only.

import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import {
  type Answer,
  answer,
  type Condition,
  type ListPage,
  type ObjectInfo,
  type ObjectStore,
  type PartUpload,
  type Received,
  storeError,
} from '../../model/ports/object-store.ts';
import type { BucketConfig } from '../../model/ports/shared-cache.ts';
import { isObject } from '../../util/json.ts';

export interface S3Options extends BucketConfig {
  /** The timeouts for connecting and for a silent connection, ms. */
  readonly connectWithin: number;
  readonly silentFor: number;
  /** What node's agents take as `proxyEnv`. */
  readonly proxies?: Readonly<Record<string, string>>;
  /** In PEM format, in the place of the machine's own. */
  readonly authorities?: string;
}

const REGION = 'us-east-1';

/** Opens a bucket. Makes no request; credentials are resolved with the first. */
export function openS3(options: S3Options): ObjectStore {
  return new S3Store(options);
}

class S3Store implements ObjectStore {
  readonly place: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(options: S3Options) {
    const { bucket, prefix, endpoint, region, pathStyle } = options;
    this.#bucket = bucket;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.place = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
    this.#client = new S3Client({
      ...(endpoint === undefined ? {} : { endpoint }),
      // The SDK requires a region even for servers that have only one.
      ...(region !== undefined ? { region } : endpoint !== undefined ? { region: REGION } : {}),
      forcePathStyle: pathStyle,
      // Retries are made in one place, see retrying.ts.
      maxAttempts: 1,
      // Older servers do not support these. Writes are covered by the request signature, reads by the artifact's
      // digest.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: new NodeHttpHandler({
        connectionTimeout: options.connectWithin,
        socketTimeout: options.silentFor,
        ...agents(options),
      }),
      logger: SILENT,
    });
  }

  head(name: string, signal: AbortSignal): Promise<Answer<ObjectInfo>> {
    return this.#ask(signal, async () => {
      const found = await this.#client.send(new HeadObjectCommand(this.#at(name)), { abortSignal: signal });
      return { bytes: found.ContentLength ?? 0, tag: found.ETag ?? '' };
    });
  }

  get(name: string, from: number, tag: string | undefined, signal: AbortSignal): Promise<Answer<Received>> {
    return this.#ask(signal, async () => {
      const command = new GetObjectCommand({
        ...this.#at(name),
        ...(from > 0 ? { Range: `bytes=${from}-` } : {}),
        ...(tag === undefined ? {} : { IfMatch: tag }),
      });
      const date = dateOf(command);
      const found = await this.#client.send(command, { abortSignal: signal });
      const body = found.Body;
      if (!(body instanceof Readable)) throw new Error('the server sent no body');
      const begins = found.$metadata.httpStatusCode === 200 ? 0 : from;
      const [written, now] = [found.LastModified?.getTime() ?? Number.NaN, Date.parse(date())];
      const age = Number.isNaN(now - written) ? undefined : Math.max(0, now - written);
      return { bytes: begins + (found.ContentLength ?? 0), tag: found.ETag ?? '', age, from: begins, body };
    });
  }

  /** Ceph compares the tag of a conditional write literally, without quotes; other servers accept that too. */
  put(name: string, bytes: Uint8Array, condition: Condition, signal: AbortSignal): Promise<Answer<string>> {
    return this.#ask(signal, async () => {
      const command = new PutObjectCommand({
        ...this.#at(name),
        Body: bytes,
        ContentLength: bytes.length,
        ...(condition === 'absent' ? { IfNoneMatch: '*' } : {}),
        ...(typeof condition === 'object' ? { IfMatch: condition.tag.replaceAll('"', '') } : {}),
      });
      const { ETag } = await this.#client.send(command, { abortSignal: signal });
      return ETag ?? '';
    });
  }

  async begin(name: string, signal: AbortSignal): Promise<Answer<PartUpload>> {
    const begun = await this.#ask(signal, () =>
      this.#client.send(new CreateMultipartUploadCommand(this.#at(name)), { abortSignal: signal }),
    );
    if (!begun.ok) return begun;
    const at = { ...this.#at(name), UploadId: begun.value.UploadId ?? '' };
    const parts = new Map<number, CompletedPart>();
    return answer({
      part: (number, bytes, partSignal) =>
        this.#ask(partSignal, async () => {
          const command = new UploadPartCommand({
            ...at,
            PartNumber: number,
            Body: bytes,
            ContentLength: bytes.length,
          });
          const { ETag } = await this.#client.send(command, { abortSignal: partSignal });
          parts.set(number, { ETag, PartNumber: number });
        }),
      complete: (endSignal) =>
        this.#ask(endSignal, async () => {
          const Parts = [...parts].sort(([a], [b]) => a - b).map(([, part]) => part);
          const command = new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts } });
          await this.#client.send(command, { abortSignal: endSignal });
        }),
      abort: async (endSignal) => {
        const command = new AbortMultipartUploadCommand(at);
        await this.#client.send(command, { abortSignal: endSignal }).catch(() => {}); // the bucket's lifecycle rules remove it
      },
    });
  }

  list(prefix: string, after: string | undefined, signal: AbortSignal): Promise<Answer<ListPage>> {
    return this.#ask(signal, async () => {
      const command = new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: `${this.#prefix}${prefix}`,
        ...(after === undefined ? {} : { ContinuationToken: after }),
      });
      const page = await this.#client.send(command, { abortSignal: signal });
      const objects = (page.Contents ?? []).map(({ Key = '', Size = 0, LastModified }) => ({
        name: Key.slice(this.#prefix.length),
        bytes: Size,
        modified: LastModified?.getTime() ?? 0,
      }));
      return { objects, next: page.IsTruncated ? page.NextContinuationToken : undefined };
    });
  }

  delete(names: readonly string[], signal: AbortSignal): Promise<Answer<void>> {
    return this.#ask(signal, async () => {
      for (let at = 0; at < names.length; at += MOST_DELETED) {
        const Objects = names.slice(at, at + MOST_DELETED).map((name) => ({ Key: `${this.#prefix}${name}` }));
        const command = new DeleteObjectsCommand({
          Bucket: this.#bucket,
          Delete: { Objects, Quiet: true },
        });
        const { Errors = [] } = await this.#client.send(command, { abortSignal: signal });
        const [first] = Errors;
        if (first) throw Object.assign(new Error(first.Message), { name: first.Code ?? 'Error' });
      }
    });
  }

  close(): void {
    this.#client.destroy();
  }

  #at(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: `${this.#prefix}${name}` };
  }

  async #ask<T>(signal: AbortSignal, request: () => Promise<T>): Promise<Answer<T>> {
    const { systemClockOffset: offset } = this.#client.config;
    try {
      return answer(await request());
    } catch (error) {
      if (signal.aborted) return storeError('interrupted', 'interrupted');
      if (!this.#wasSkewed(error, offset)) return troubleOf(error);
    }
    try {
      return answer(await request());
    } catch (error) {
      return signal.aborted ? storeError('interrupted', 'interrupted') : troubleOf(error);
    }
  }

  /**
   * Whether a request was refused that was signed with another time than the server's. The SDK takes that from each answer, and
   * signs the next request with it. (How the server calls it does not count: the answer to a HEAD has no body.)
   */
  #wasSkewed(error: unknown, offset: number): boolean {
    const skew = Math.abs(this.#client.config.systemClockOffset - offset);
    return skew > LEAST_SKEW && [400, 401, 403].includes(statusOf(error) ?? 0);
  }
}

/** The header `Date` of the answer to a command, once that came; empty without one. */
function dateOf(command: GetObjectCommand): () => string {
  let date = '';
  const read = { step: 'deserialize', priority: 'low', name: 'readDate' } as const; // before the answer is parsed
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { response } = result;
      const headers = isObject(response) && isObject(response['headers']) ? response['headers'] : {};
      date = String(headers['date'] ?? '');
      return result;
    },
    read,
  );
  return () => date;
}

/** S3 accepts times that are a quarter of an hour off; other servers less, ms. */
const LEAST_SKEW = 60_000;

/** The most names in one DeleteObjects request, by its API reference. */
const MOST_DELETED = 1000;

/** The SDK's warnings are not for users of vlb. */
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

function agents({ proxies = {}, authorities }: S3Options): {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
} {
  const options = { keepAlive: true, maxSockets: 32, proxyEnv: proxies };
  const ca = authorities === undefined ? {} : { ca: authorities };
  return { httpAgent: new HttpAgent(options), httpsAgent: new HttpsAgent({ ...options, ...ca }) };
}

/** The fields of the SDK's errors. */
interface ServiceError extends Error {
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Permanent errors without a status that says so: expired credentials, another region, an invalid name. */
const REFUSALS = [
  ...['ExpiredToken', 'InvalidToken', 'AuthorizationHeaderMalformed', 'InvalidBucketName'],
  // In an answer 200 to DeleteObjects, for one of the names.
  ...['AccessDenied', 'AllAccessDisabled'],
];

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { $metadata }: ServiceError = error;
  return $metadata?.httpStatusCode;
}

function troubleOf(error: unknown): Answer<never> {
  if (!(error instanceof Error)) throw error;
  const { name, message, code, $metadata }: ServiceError = error;
  const status = $metadata?.httpStatusCode;
  const said = `${status === undefined ? '' : `${status} `}${name === 'Error' ? (code ?? '') : name}`.trim();
  const text =
    message === '' || message === name || message === 'UnknownError' ? said : `${said}: ${message}`;
  if (name === 'NoSuchBucket') return storeError('unusable', 'no such bucket');
  if (name === 'CredentialsProviderError') return storeError('unusable', 'no AWS credentials found');
  if (/^Region is missing/.test(message)) return storeError('unusable', 'no region configured');
  if (status === 404) return storeError('absent', text);
  if (status === 412) return storeError('taken', text);
  // 501: the server does not support a header, for instance a condition.
  const isRefusal = status === 501 || REFUSALS.includes(name) || status === 401 || status === 403;
  if (isRefusal || (status !== undefined && status < 400)) return storeError('refused', text);
  // The range or tag is that of an object that was replaced.
  if (status === 416) return storeError('absent', text);
  // Also 400: the request may have been damaged on its way.
  return storeError('unavailable', text);
}
