// The object store in an S3 bucket, through Amazon's own client. It is a bundle file of its own, see bin/bundle.mjs: the
// client is larger than all of vlb, and loaded only where a bucket has something to tell.

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

export interface S3Options extends BucketConfig {
  /** How long a connection may take to come about, and how long it may be silent, ms. */
  readonly connectWithin: number;
  readonly silentFor: number;
}

const REGION = 'us-east-1';

/** Opens a bucket. No request is made; credentials are looked for with the first. */
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
      // Servers other than Amazon's have one region, which has to have a name all the same.
      ...(region !== undefined ? { region } : endpoint !== undefined ? { region: REGION } : {}),
      forcePathStyle: pathStyle,
      // Trying again is done in one place, see retrying.ts.
      maxAttempts: 1,
      // Older servers know nothing of these; what is written is covered by the signature, what is read by our own digest.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: new NodeHttpHandler({
        connectionTimeout: options.connectWithin,
        socketTimeout: options.silentFor,
        ...agents(),
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
      const found = await this.#client.send(command, { abortSignal: signal });
      const body = found.Body;
      if (!(body instanceof Readable)) throw new Error('the server sent no body');
      const begins = found.$metadata.httpStatusCode === 200 ? 0 : from;
      return { bytes: begins + (found.ContentLength ?? 0), tag: found.ETag ?? '', from: begins, body };
    });
  }

  /** Ceph compares the tag of a write as it stands there: without the quotes, which the others do not mind lacking. */
  put(name: string, bytes: Uint8Array, condition: Condition, signal: AbortSignal): Promise<Answer<void>> {
    return this.#ask(signal, async () => {
      const command = new PutObjectCommand({
        ...this.#at(name),
        Body: bytes,
        ContentLength: bytes.length,
        ...(condition === 'absent' ? { IfNoneMatch: '*' } : {}),
        ...(typeof condition === 'object' ? { IfMatch: condition.tag.replaceAll('"', '') } : {}),
      });
      await this.#client.send(command, { abortSignal: signal });
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
        await this.#client.send(command, { abortSignal: endSignal }).catch(() => {}); // the bucket's own rules tidy up
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
    try {
      return answer(await request());
    } catch (error) {
      if (signal.aborted) return storeError('interrupted', 'interrupted');
      return troubleOf(error);
    }
  }
}

/** As many names as one request may delete: the API reference of DeleteObjects. */
const MOST_DELETED = 1000;

/** Its warnings are not for the people who build images. */
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** They go through the proxy that the environment names, as other downloads do. */
function agents(): { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent } {
  const options = { keepAlive: true, maxSockets: 32, proxyEnv: process.env };
  return { httpAgent: new HttpAgent(options), httpsAgent: new HttpsAgent(options) };
}

/** What the client's errors have, as far as they have it. */
interface ServiceError extends Error {
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** What is told with status 400, and stays so: expired credentials, another region, a name that cannot be. */
const REFUSALS = ['ExpiredToken', 'InvalidToken', 'AuthorizationHeaderMalformed', 'InvalidBucketName'];

function troubleOf(error: unknown): Answer<never> {
  if (!(error instanceof Error)) throw error;
  const { name, message, code, $metadata }: ServiceError = error;
  const status = $metadata?.httpStatusCode;
  const said = `${status === undefined ? '' : `${status} `}${name === 'Error' ? (code ?? '') : name}`.trim();
  const text =
    message === '' || message === name || message === 'UnknownError' ? said : `${said}: ${message}`;
  if (name === 'NoSuchBucket') return storeError('unusable', 'there is no such bucket');
  if (name === 'CredentialsProviderError')
    return storeError('unusable', 'there are no AWS credentials for it here');
  if (/^Region is missing/.test(message)) return storeError('unusable', 'no region is given for it');
  if (status === 404) return storeError('absent', text);
  if (status === 412) return storeError('taken', text);
  // 501: a header that the server does not know, as that of a condition.
  const isRefusal = status === 501 || REFUSALS.includes(name) || status === 401 || status === 403;
  if (isRefusal || (status !== undefined && status < 400)) return storeError('refused', text);
  // A range or a tag of an object that is another one by now.
  if (status === 416) return storeError('absent', text);
  // 400 is also what a damaged request is answered with, which may be whole the next time.
  return storeError('unavailable', text);
}
