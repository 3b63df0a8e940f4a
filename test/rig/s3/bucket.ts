// A bucket of a test, seen by its owner, past all that vlb does; and a project that is configured to share through it.

import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { VlbOptions } from '../project.ts';
import type { Gateway, S3User } from './gateway.ts';

const REGION = 'us-east-1';

export class TestBucket implements Disposable {
  readonly name: string;
  readonly #gateway: Gateway;
  readonly #client: S3Client;

  private constructor(name: string, gateway: Gateway) {
    this.name = name;
    this.#gateway = gateway;
    const { accessKey: accessKeyId, secretKey: secretAccessKey } = gateway.user;
    this.#client = new S3Client({
      endpoint: gateway.endpoint,
      region: REGION,
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
    });
  }

  static async create(name: string, gateway: Gateway): Promise<TestBucket> {
    const bucket = new TestBucket(name, gateway);
    await bucket.#client.send(new CreateBucketCommand({ Bucket: name }));
    return bucket;
  }

  /** The names of all objects, in order. */
  async names(): Promise<readonly string[]> {
    const { Contents = [], IsTruncated } = await this.#client.send(
      new ListObjectsV2Command({ Bucket: this.name }),
    );
    if (IsTruncated) throw new Error('there are more objects than a test should have');
    return Contents.flatMap(({ Key }) => Key ?? []);
  }

  /** The names that match; a test that expects one can say so by destructuring. */
  async namesLike(pattern: RegExp): Promise<readonly string[]> {
    return (await this.names()).filter((name) => pattern.test(name));
  }

  async read(name: string): Promise<Buffer> {
    const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.name, Key: name }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: this.name, Key: name, Body: bytes }));
  }

  async remove(name: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.name, Key: name }));
  }

  /** What others than the owner may do. */
  async setPolicy(policy: object): Promise<void> {
    await this.#client.send(
      new PutBucketPolicyCommand({ Bucket: this.name, Policy: JSON.stringify(policy) }),
    );
  }

  /** A vlb.yaml that shares through it. */
  config({
    endpoint = this.#gateway.endpoint,
    prefix = 'team',
    more = '',
  }: {
    readonly endpoint?: string;
    readonly prefix?: string;
    readonly more?: string;
  } = {}): string {
    return `cache:\n${more}  s3:\n    bucket: ${this.name}\n    prefix: ${prefix}\n    endpoint: ${endpoint}\n`;
  }

  /** The environment of a vlb that may use it. */
  env(user: S3User = this.#gateway.user): NonNullable<VlbOptions['env']> {
    return {
      AWS_ACCESS_KEY_ID: user.accessKey,
      AWS_SECRET_ACCESS_KEY: user.secretKey,
      AWS_EC2_METADATA_DISABLED: 'true',
    };
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }
}
