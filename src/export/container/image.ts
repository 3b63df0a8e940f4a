// The documents of a container image, by the OCI image specification 1.0. They depend on its layers and options alone.

import type { Machine } from '../../model/machine/machine.ts';
import { type Blob, digestOf } from './blobs.ts';

/** How a container is run, and what the image is called. */
export interface ImageOptions {
  /** The name of the image, without a tag. */
  readonly repository: string;
  readonly tag: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly workdir: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The options of a format that has those of container images. */
export function imageOptions(
  { name }: Pick<Machine, 'name'>,
  options: Readonly<Record<string, string>>,
): ImageOptions {
  const { repository, tag } = parseTag(options['tag'] ?? '', name);
  return {
    repository,
    tag,
    entrypoint: jsonIn(options['entrypoint'], []),
    cmd: jsonIn(options['cmd'], []),
    env: jsonIn(options['env'], {}),
    user: options['user'] ?? '',
    workdir: options['workdir'] ?? '',
    labels: {
      'org.opencontainers.image.title': name,
      ...jsonIn<Record<string, string>>(options['labels'], {}),
    },
  };
}

/** The value of an option whose form is not a text: the schema of vlb.yaml has checked it. */
function jsonIn<T>(text: string | undefined, none: T): T {
  return text === undefined ? none : (JSON.parse(text) as T);
}

/** `1.0`, `web:1.0` or `registry.example.org/web:1.0`; by default the name of the machine, and `latest`. */
function parseTag(given: string, name: string): Pick<ImageOptions, 'repository' | 'tag'> {
  const own = name
    .toLowerCase()
    .replaceAll(/[._-]*[.-][._-]*|_{3,}/g, (separators) => (separators.length === 1 ? separators : '-'))
    .replaceAll(/^[._-]+|[._-]+$/g, '');
  const [, repository, tag] = /^(?:(.*):)?([^/:]*)$/.exec(given) ?? [undefined, given, ''];
  return { repository: repository || own || 'image', tag: tag || 'latest' };
}

export interface ImageLayer {
  /** Of the layer of vlb. */
  readonly name: string;
  /** SHA-256 of its archive, uncompressed. */
  readonly diffId: string;
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** In the words of the specification, which are those of Go. */
const PLATFORM = { architecture: ARCHITECTURES[process.arch] ?? process.arch, os: 'linux' };

/** Images are not newer because they were built later: what they consist of says what they are. */
const CREATED = '1970-01-01T00:00:00Z';

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function configText(
  { entrypoint, cmd, env, user, workdir, labels }: ImageOptions,
  layers: readonly ImageLayer[],
): string {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const isDefault = entrypoint.length === 0 && cmd.length === 0;
  return text({
    created: CREATED,
    ...PLATFORM,
    config: {
      ...(user === '' ? {} : { User: user }),
      Env: 'PATH' in env ? variables : [PATH, ...variables],
      ...(entrypoint.length === 0 ? {} : { Entrypoint: entrypoint }),
      ...(cmd.length === 0 && !isDefault ? {} : { Cmd: isDefault ? ['/bin/sh'] : cmd }),
      ...(workdir === '' ? {} : { WorkingDir: workdir }),
      Labels: labels,
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => `sha256:${diffId}`) },
    history: layers.map(({ name }) => ({ created: CREATED, created_by: `vlb: ${name}` })),
  });
}

/** The manifest of an image in an OCI layout. */
export function manifestText(config: string, layers: readonly Blob[]): string {
  return text({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest: `sha256:${digest}`, size })),
  });
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** The index of a layout with one image. */
export function indexText(manifest: string, { tag }: Pick<ImageOptions, 'tag'>): string {
  return text({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...descriptor(MANIFEST, manifest),
        platform: PLATFORM,
        annotations: { 'org.opencontainers.image.ref.name': tag },
      },
    ],
  });
}

function descriptor(mediaType: string, content: string) {
  return { mediaType, digest: `sha256:${digestOf(content)}`, size: Buffer.byteLength(content) };
}

function text(value: object): string {
  return JSON.stringify(value);
}
