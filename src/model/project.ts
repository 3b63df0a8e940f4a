// The parts of a project: layers, their hints and steps, and the base. Pure data, and what completes it.

import path from 'node:path';
import type { Result, Where } from './failure.ts';
import type { Platform } from './platform.ts';
import type { LayerSystem } from './system/system.ts';

export type ScriptKind = 'build-layer' | 'modify-disk' | 'boot-layer' | 'layer.yaml';

/** A directory `NN_name` with one script. */
export interface Layer {
  /** The directory's name, `20_app`, and for an image with parameters of its own `20_app@web`: unique in a graph. */
  readonly name: string;
  /** Absolute path of the directory. */
  readonly directory: string;
  readonly kind: ScriptKind;
  /** The name of its script, where it is not that of the kind: a kickstart file. */
  readonly file?: string;
  readonly platform: Platform;
  readonly hints: Hints;
  /** The values of its parameters, by name: they are in the script's environment and in the key. */
  readonly params: Readonly<Record<string, string>>;
  /** Of a layer with a layer.yaml. */
  readonly steps?: LayerSteps;
  /** Of a layer.yaml that makes a system from nothing; its steps run in that. */
  readonly system?: LayerSystem;
}

/** The hints in the comments of a script. */
export interface Hints {
  /** Never enters the store. */
  readonly nocache: boolean;
  /** Local store only, never a shared one. */
  readonly noshare: boolean;
  /** The layer's parent, where that is not the layer before it. */
  readonly from?: 'scratch' | LayerName;
  readonly bindMounts: readonly BindMount[];
  readonly partitionMounts: readonly PartitionMount[];
  /** What the image's fstab mounts is not mounted. */
  readonly fstab?: 'ignore';
  readonly layerMounts: readonly LayerMount[];
  /** Bytes; with it, vlb creates and attaches the disk of a modify-disk. */
  readonly diskSize?: number;
  /** Further disks, which the layer creates, or grows where its parent has them. */
  readonly disks: readonly DiskWish[];
  /** The size of the disk's sectors, in bytes; by default as its partition table has it. */
  readonly sectorSize?: number;
  /** What holds the operating system. */
  readonly rootPartition?: VolumeId;
  readonly params: readonly Param[];
  readonly secrets: readonly SecretName[];
  /** Those of the secrets that open LUKS volumes of the disk. */
  readonly passphrases: readonly string[];
  /** `# vlb: cache-dir TARGET`: directories that persist between builds; neither in the image nor in the key. */
  readonly cacheDirs: readonly string[];
  /** For each target of a mount, a bind mount or a cache, the line of its hint. */
  readonly targetLines: ReadonlyMap<string, number>;
  /** The host name that the script sees; `localhost` without one. */
  readonly hostname?: string;
  /** The script runs without any network. */
  readonly noNetwork: boolean;
  /** The memory of the guest of a boot-layer, or of the job that builds the layer on an engine; bytes. */
  readonly memory?: number;
  /** The processors of the guest of a boot-layer, or of the job. */
  readonly cpus?: number;
  /** What the job asks for: at most one partition, and resources, which have a colon. */
  readonly places: readonly Place[];
  /** The unit that has to be active before a boot-layer starts; by default the whole system has to have started. */
  readonly waitFor?: string;
  /** Seconds after which the script is stopped. */
  readonly timeout?: number;
  /** Seconds after which a result is too old to be used. */
  readonly maxAge?: number;
  /** Lines that look like hints and are not at the top of the script. */
  readonly misplaced?: readonly MisplacedHint[];
}

/** A partition, or with a colon a resource. */
export interface Place {
  readonly name: string;
  /** The line of the hint. */
  readonly line: number;
}

/** What a user should know of a line, whether it counts as a hint or not. */
export interface MisplacedHint {
  readonly line: number;
  readonly message: string;
}

/** `# chroot-bind-mount SRC TARGET`: a private copy of the host's SRC, at TARGET in the chroot. */
export interface BindMount {
  /** As written: relative to the layer's directory, or absolute. */
  readonly source: string;
  /** Absolute path inside the image. */
  readonly target: string;
}

/** `# vlb: disk NAME SIZE`: a disk beside the main one, of at least that size. */
export interface DiskWish {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

/** The number of a partition, from 1, or VG/LV of LVM. */
export type VolumeId = number | string;

/** `# chroot-mount pN TARGET`, or `pN:SUBVOLUME`, or VG/LV. */
export interface PartitionMount {
  readonly partition: VolumeId;
  /** A path in a btrfs. */
  readonly subvolume?: string;
  readonly target: string;
}

/** `# vlb: secret NAME`: a file that the script can read and that is stored nowhere. */
export interface SecretName {
  readonly name: string;
  readonly line: number;
}

/** The content of a secret: a script may read it, and nothing else may store it. */
export interface Secret {
  readonly name: string;
  readonly content: Buffer;
}

/** A layer as a hint names it, in full or without its number, and the line of that hint. */
export interface LayerName {
  readonly layer: string;
  readonly line: number;
}

/** `# vlb: param NAME[=DEFAULT]`. */
export interface Param {
  readonly name: string;
  readonly default: string | undefined;
  readonly line: number;
}

/** `# vlb: mount LAYER TARGET`: another layer's finished file system, read-only at TARGET. */
export interface LayerMount extends LayerName {
  readonly target: string;
}

/** The name of a layer's script in its directory. */
export function scriptName({ kind, file }: Pick<Layer, 'kind' | 'file'>): string {
  return file ?? kind;
}

/** The absolute path of a layer's script. */
export function scriptFile(layer: Pick<Layer, 'directory' | 'kind' | 'file'>): string {
  return path.join(layer.directory, scriptName(layer));
}

/** The steps of a layer.yaml, as far as they are known without the image. */
export interface LayerSteps {
  /** Whether the state after each step is kept; `cache-points: false` turns that off. */
  readonly cachePoints: boolean;
  /** layer.yaml and the files that it includes, relative to the layer. No step sees them: they are in no manifest. */
  readonly files: readonly string[];
  /** All steps, with the values of params in their texts; none before those are known. */
  readonly all: readonly LayerStep[];
  /** The steps with the values of all params of the layer. Fails as `usage`, with the place in the file. */
  resolve(params: Readonly<Record<string, string>>): Result<ResolvedSteps>;
}

export interface ResolvedSteps {
  readonly all: readonly LayerStep[];
  /** The cache directories of the steps, with the line of the step: see the hint cache-dir. */
  readonly cacheDirs: ReadonlyMap<string, number>;
}

/** One step. */
export interface LayerStep {
  readonly verb: string;
  /** The arguments of the verb, as its schema takes them. */
  readonly args: unknown;
  /** What it does: `install nginx curl`. */
  readonly title: string;
  /** The version of the verb, see src/steps/verb.ts. */
  readonly version: number;
  /** The canonical text of all that it depends on, without files and without what the image is. */
  readonly text: string;
  /** The layer's files that it reads, as patterns of fast-glob relative to the layer; `all` if that cannot be known. */
  readonly reads: readonly string[] | 'all';
  /** The names of the secrets that it reads; `all` for a command that may read any. */
  readonly secrets: readonly string[] | 'all';
  /** The program of the host that it runs there, in place of the image's shell. */
  readonly hostTool?: string;
  /** The values that it can see, by name: none for a step whose texts have them already. */
  readonly params: Readonly<Record<string, string>>;
  /** The values of git that its files use as templates, by name. */
  readonly git?: Readonly<Record<string, string>>;
  /** What is left of its `when`: conditions on the system of the image. All must hold. */
  readonly when: readonly SystemCondition[];
  readonly where: Where;
}

/** A condition on the system in the image. It holds if each of its lists has the image's value, or none of them if `not`. */
export interface SystemCondition {
  readonly not: boolean;
  /** Values of ID or ID_LIKE in os-release(5). */
  readonly distribution?: readonly string[];
  /** Values of VERSION_ID or VERSION_CODENAME. */
  readonly version?: readonly string[];
}

/** An image that comes from elsewhere, on top of which layers are built. */
export type Base = { readonly growth?: Growth } & (
  | (Digests & { readonly checksums?: ChecksumList } & (
        | { readonly type: 'file'; readonly path: string }
        // It has a digest, or checksums.
        | { readonly type: 'url'; readonly url: string }
      ))
  | { readonly type: 'template'; readonly template: string; readonly source: TemplateSource }
  | ({ readonly type: 'installer' } & Installer)
);

/** The installer of a distribution, which makes the base on an empty disk. */
export interface Installer {
  readonly from:
    | { readonly type: 'files'; readonly kernel: PlacedFile; readonly initrd: PlacedFile }
    /** Kernel and initrd are paths in it. */
    | {
        readonly type: 'disc';
        readonly disc: PlacedFile;
        readonly kernel?: string;
        readonly initrd?: string;
      };
  /** Absolute path of the file with the answers to its questions. */
  readonly answers?: string;
  /** Added to the kernel's command line. */
  readonly kernelArguments: string;
  /** Of the disk, bytes. */
  readonly size: number;
  /** MiB. */
  readonly memory: number;
  readonly cpus: number;
  readonly hasNetwork: boolean;
  /** Seconds. */
  readonly timeout: number;
}

/** A file of this machine, or one that is downloaded. */
export interface PlacedFile {
  /** Absolute path or URL. */
  readonly place: string;
  /** 64 hexadecimal digits in lower case; a URL has one. */
  readonly sha256?: string;
}

/** A repository of templates, as virt-builder has them. */
export interface TemplateSource {
  /** Its name in vlb.yaml; without one, the place of its index as it was written. */
  readonly name: string;
  /** Of its index: absolute path, or URL. */
  readonly index: string;
  readonly trust: TemplateTrust;
}

/** Why the index of a source is believed. */
export type TemplateTrust =
  /** It is signed with a key in this file, an absolute path. */
  | { readonly type: 'keyring'; readonly keyring: string }
  /** It is signed with this key of the user's own keyring: 40 hexadecimal digits in upper case. */
  | { readonly type: 'fingerprint'; readonly fingerprint: string }
  /** It is a file of this machine. */
  | { readonly type: 'local' }
  /** The user says so. */
  | { readonly type: 'checksums-only' };

/** The digests that an image must have, in lower case. */
export interface Digests {
  readonly sha256?: string;
  readonly sha512?: string;
}

/** A file with the digests of images. Its places are absolute paths or URLs. */
export interface ChecksumList {
  readonly source: string;
  /** A detached signature of the list. With a keyring alone, the signature is in the list itself. */
  readonly signature?: string;
  /** Absolute path of the public keys that may have signed the list. */
  readonly keyring?: string;
}

/** How the disk of a base grows when it is imported. */
export interface Growth {
  /** Bytes. */
  readonly size: number;
  /** The partition that grows, with its file system; by default the last one on the disk. */
  readonly expand?: number;
}

/** The bases of a project, by name. A first layer that names no parent is built on the first of them. */
export type Bases = ReadonlyMap<string, Base>;

/** An image of `images:` in vlb.yaml: build/NAME.qcow2 is a link to that layer's artifact. */
export interface NamedImage {
  readonly name: string;
  /** As written: in full or without its number. */
  readonly layer: string;
  /** The values of parameters, for this image alone: of its layer and of what that is built on. */
  readonly params: ReadonlyMap<string, string>;
  /** What has to succeed in the booted image, or the build fails. */
  readonly checks?: readonly ImageCheck[];
  readonly where: { readonly file: string; readonly line: number };
}

/** A test boot of an image, in which a command has to succeed. */
export interface ImageCheck {
  /** A shell command, run as root in the guest. */
  readonly run: string;
  /** How it is booted, where that is not the default of test boots: bytes, a number, and seconds for the boot and the command. */
  readonly memory?: number;
  readonly cpus?: number;
  readonly uefi?: boolean;
  readonly timeout?: number;
  readonly where: { readonly file: string; readonly line: number };
}

/** What may not be as the user means it, although it is valid. */
export interface ProjectNote {
  /** Absolute path. */
  readonly file: string;
  readonly line?: number;
  readonly message: string;
}
