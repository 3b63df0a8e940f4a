// What a verb of a layer of steps is, and a step: one entry of a layer.yaml. A new verb is one file in verbs/ and a line in
// registry.ts; schema, help and documentation are made from these.

import * as v from 'valibot';
import type { Distribution } from '../distro/distribution.ts';
import type { Result } from '../model/failure.ts';

/** One entry of a layer.yaml, with arguments that the verb's schema accepts. Pure data, until it is compiled. */
export interface Step {
  readonly verb: string;
  /** What it does, in the fewest words, for the build's display: `install nginx curl`. */
  readonly title: string;
  /** Its verb and arguments as one canonical text: with the files that it reads, what its result depends on. */
  readonly text: string;
  /** See `VerbDefinition`. */
  readonly version: number;
  /** The layer's files that it reads, as patterns of fast-glob relative to the layer; `all` if that cannot be known. */
  readonly reads: readonly string[] | 'all';
  /** Those of them that it renders. Paths relative to the layer. */
  readonly templates: readonly string[];
  /** The names of the secrets that it reads. */
  readonly secrets: readonly string[];
  /** Directories of the image that persist between builds, such as those of downloaded packages; see the hint cache-dir. */
  readonly cacheDirs: readonly string[];
  /** See `VerbDefinition`. */
  readonly hostTool: string | undefined;
  /** The shell that it amounts to. Fails as `usage` when the image or the layer's files do not allow it. */
  compile(context: StepContext): Result<Compiled>;
}

/** What a step is compiled for: the state of the image before it, and the private copy of the layer's files. */
export interface StepContext {
  readonly distribution: Distribution;
  /** As Node names it: `x64`, `arm64`. */
  readonly architecture: string;
  /** The layer's name. */
  readonly layer: string;
  readonly params: Readonly<Record<string, string>>;
  readonly files: LayerFiles;
  /**
   * Renders a text, such as that of a file of the layer, as a template of nunjucks: with the params by their names, `layer`,
   * `architecture`, `distribution` and `git`. Fails as `usage`, with the line in the text, for a value that does not exist.
   */
  render(text: string): Result<string>;
}

/** The private copy of a layer's files, see stage.ts. Paths are relative to the layer. */
export interface LayerFiles {
  /** The content of a file. Fails as `usage` when it does not exist or is not a file. */
  read(path: string): Result<Buffer>;
  /** The files, directories and links that patterns match, sorted, none of them below another that was matched whole. */
  match(patterns: readonly string[]): readonly LayerFile[];
}

export interface LayerFile {
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink';
}

/** A step as it could have been written into a build-layer. */
export interface Compiled {
  /**
   * Run by `/bin/sh -eu` in the chroot as root, in /mnt with the layer's files, with the variables of a build-layer (params,
   * VLB_SECRETS, …). Values of users are quoted by src/util/quote.ts, never pasted.
   */
  readonly shell: string;
}

/** One verb, as the registry holds it. */
export interface Verb {
  readonly name: string;
  /** What it does, a sentence without a full stop, for help and documentation. */
  readonly summary: string;
  /** Examples in YAML, each a whole step; tests run them and the documentation shows them. */
  readonly examples: readonly string[];
  /** Of its arguments: for errors with a place, and for editors. */
  readonly schema: v.GenericSchema;
  /** See `VerbDefinition`. */
  readonly version: number;
  readonly shell: readonly string[];
  /**
   * The step with these arguments, or what is wrong with them. Texts are rendered already: nothing is left to replace. A number
   * of the YAML is its text as it is written there (`0644`, `1.10`), true and false are booleans, and null is what has no value.
   */
  step(given: unknown): StepOrIssues;
}

export type StepOrIssues =
  | { readonly ok: true; readonly step: Step }
  /** At least one. */
  | { readonly ok: false; readonly issues: readonly v.BaseIssue<unknown>[] };

/** What the file of a verb says of it. Only `compile` must be there in addition to the names and the schema. */
export interface VerbDefinition<Schema extends v.GenericSchema> {
  readonly name: string;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly schema: Schema;
  /**
   * From 1: raised when vlb compiles the same arguments to something else, so that what was built with the former is not taken
   * for what would be built now. A test has the texts of all examples.
   */
  readonly version?: number;
  /**
   * The names of the arguments that are the text of a shell, not the name of a file. They are not rendered, since a value could
   * become code there; the params are in their environment. If all arguments are one text, it is the first of these.
   */
  readonly shell?: readonly string[];
  /**
   * The program of the host that the step runs there, beside the prepared chroot of the image. Its shell has the path of the image's
   * root in VLB_ROOT, TMPDIR for its temporary files, and the layer's files as its directory.
   */
  readonly hostTool?: string;
  /** The arguments for the step's title. */
  title(args: v.InferOutput<Schema>): string;
  reads?(args: v.InferOutput<Schema>): readonly string[] | 'all';
  templates?(args: v.InferOutput<Schema>): readonly string[];
  secrets?(args: v.InferOutput<Schema>): readonly string[];
  cacheDirs?(args: v.InferOutput<Schema>): readonly string[];
  compile(args: v.InferOutput<Schema>, context: StepContext): Result<Compiled>;
}

/** Makes a verb of its definition, so that the type of its arguments stays in its own file. */
export function defineVerb<const Schema extends v.GenericSchema>(definition: VerbDefinition<Schema>): Verb {
  const { name, summary, examples, schema, version = 1, shell = [] } = definition;
  return {
    name,
    summary,
    examples,
    schema,
    version,
    shell,
    step(given) {
      const parsed = v.safeParse(schema, given);
      if (!parsed.success) return { ok: false, issues: parsed.issues };
      const args = parsed.output;
      const title = definition.title(args).replaceAll(/\s+/g, ' ').trim();
      return {
        ok: true,
        step: {
          verb: name,
          title: title === '' ? name : `${name} ${title}`,
          text: canonicalText({ [name]: given }),
          version,
          reads: definition.reads?.(args) ?? [],
          templates: definition.templates?.(args) ?? [],
          secrets: definition.secrets?.(args) ?? [],
          cacheDirs: definition.cacheDirs?.(args) ?? [],
          hostTool: definition.hostTool,
          compile: (context) => definition.compile(args, context),
        },
      };
    },
  };
}

/** JSON with the keys of mappings in order, so that their order in the file changes no key. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
