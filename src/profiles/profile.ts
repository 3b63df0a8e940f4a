// A profile: a form for a new machine, and what it writes. Files `profiles/NAME.yaml` of the project, and those of vlb.

import path from 'node:path';
import * as v from 'valibot';
import { parseDocument } from 'yaml';
import { fail, ok, type Result } from '../model/failure.ts';
import { namesIn, textIfAny } from '../util/fs.ts';

/** The name of a field, as `${NAME}` has it. `layer` is the layer that the machine is made from. */
const FIELD_NAME = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9]*$/), v.notValue('layer'));

const COMMON = { text: v.string(), optional: v.optional(v.boolean(), false) };
const WORD_LIST = v.array(v.string());

const FIELD = v.variant('type', [
  /** One line. */
  v.strictObject({ type: v.literal('text'), ...COMMON, default: v.optional(v.string()) }),
  /** Letters, digits, dots and dashes: a host name, a user, a bridge. */
  v.strictObject({ type: v.literal('name'), ...COMMON, default: v.optional(v.string()) }),
  /** Names of packages. */
  v.strictObject({ type: v.literal('words'), ...COMMON, default: v.optional(WORD_LIST) }),
  /** Formats of exports. */
  v.strictObject({ type: v.literal('formats'), ...COMMON, default: v.optional(WORD_LIST) }),
  v.strictObject({ type: v.literal('ssh-key'), ...COMMON, default: v.optional(v.string()) }),
  v.strictObject({ type: v.literal('flag'), ...COMMON, default: v.optional(v.boolean()) }),
  v.strictObject({
    type: v.literal('choice'),
    ...COMMON,
    choices: v.pipe(WORD_LIST, v.minLength(1)),
    default: v.optional(v.string()),
  }),
  v.strictObject({
    type: v.literal('number'),
    ...COMMON,
    min: v.number(),
    max: v.number(),
    default: v.optional(v.number()),
  }),
  v.strictObject({
    type: v.literal('size'),
    ...COMMON,
    min: v.string(),
    max: v.string(),
    default: v.optional(v.string()),
  }),
]);
export type Field = v.InferOutput<typeof FIELD>;

const PROFILE = v.strictObject({
  title: v.string(),
  description: v.string(),
  fields: v.record(FIELD_NAME, FIELD),
  layers: v.pipe(
    v.array(
      v.strictObject({
        /** What is added to the name of the machine; nothing for one layer. */
        name: v.optional(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]*$/))),
        /** The field without which it is left out. */
        when: v.optional(v.string()),
        steps: v.array(v.unknown()),
      }),
    ),
    v.minLength(1),
  ),
  machine: v.record(v.string(), v.unknown()),
});
type ProfileFile = v.InferOutput<typeof PROFILE>;

export interface Profile extends ProfileFile {
  /** The name of its file, without `.yaml`. */
  readonly name: string;
  readonly text: string;
  /** Whether it is one of the project's, and not vlb's. */
  readonly isOwn: boolean;
}

/** What the name of a profile, and of the file, looks like. */
export const PROFILE_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** Directories with profiles, absolute. */
export interface ProfilePlaces {
  /** Those that come with vlb. */
  readonly shipped: string;
  /** Those of the project, which count more. */
  readonly own: string;
}

/** All profiles, by name. Fails as `usage` when one is not valid. */
export function profilesIn({ shipped, own }: ProfilePlaces): Result<readonly Profile[]> {
  const profiles = new Map<string, Profile>();
  for (const [directory, isOwn] of [
    [shipped, false],
    [own, true],
  ] as const) {
    for (const file of namesIn(directory)) {
      const name = file.replace(/\.yaml$/, '');
      if (name === file || !PROFILE_NAME.test(name)) continue;
      const profile = readProfile(directory, name, isOwn);
      if (!profile.ok) return profile;
      profiles.set(name, profile.value);
    }
  }
  return ok([...profiles.values()].sort((one, other) => (one.name < other.name ? -1 : 1)));
}

function readProfile(directory: string, name: string, isOwn: boolean): Result<Profile> {
  const file = path.join(directory, `${name}.yaml`);
  const text = textIfAny(file) ?? '';
  const document = parseDocument(text);
  const [error] = document.errors;
  const where = { file };
  if (error) return fail('usage', `the profile is not valid YAML: ${error.message}`, { where });
  const parsed = v.safeParse(PROFILE, document.toJS({ maxAliasCount: 0 }));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const place = issue.path?.map(({ key }) => String(key)).join('.') ?? '';
    return fail('usage', `the profile is not valid: ${place}: ${issue.message}`, { where });
  }
  return ok({ ...parsed.output, name, text, isOwn });
}
