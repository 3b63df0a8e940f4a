// Routes of new machines: the profiles, what one would write, and writing it.

import path from 'node:path';
import * as v from 'valibot';
import { ok, type Result } from '../../model/failure.ts';
import type { ProfileFile } from '../../profiles/fill.ts';
import { machineFiles, type NewMachine, saveProfile, writeMachine } from '../../profiles/machine.ts';
import { type Profile, type ProfilePlaces, profilesIn } from '../../profiles/profile.ts';
import type { Workspace } from '../../workspace/workspace.ts';
import { oneByOne } from './one-by-one.ts';
import { type Call, listOf, route, type Served } from './route.ts';

const VALUE = v.union([
  v.string(),
  v.number(),
  v.boolean(),
  v.pipe(v.array(v.pipe(v.string(), v.maxLength(4096))), v.maxLength(500)),
]);

const FIELD = v.object({
  name: v.string(),
  type: v.picklist(['text', 'name', 'words', 'formats', 'ssh-key', 'flag', 'choice', 'number', 'size']),
  text: v.string(),
  optional: v.boolean(),
  default: v.optional(VALUE),
  choices: v.optional(listOf(v.string())),
  min: v.optional(v.union([v.string(), v.number()])),
  max: v.optional(v.union([v.string(), v.number()])),
});
export type FieldAnswer = v.InferOutput<typeof FIELD>;

const PROFILE = v.object({
  name: v.string(),
  title: v.string(),
  description: v.string(),
  isOwn: v.pipe(v.boolean(), v.description('whether it is one of the project, and not of vlb')),
  fields: listOf(FIELD),
});
export type ProfileAnswer = v.InferOutput<typeof PROFILE>;

const FILES = listOf(v.object({ path: v.string(), text: v.string() }));

const MACHINE_ENTRIES = {
  profile: v.string(),
  machine: v.pipe(v.string(), v.description('the name of the machine and of its layers')),
  parent: v.pipe(v.optional(v.string()), v.description('the layer to build it on; default: the first')),
  values: v.record(v.string(), VALUE),
};

function placesOf({ directory }: Workspace, { profiles: shipped }: Served): ProfilePlaces {
  return { shipped, own: path.join(directory, 'profiles') };
}

function answerOf({ name, title, description, isOwn, fields }: Profile): ProfileAnswer {
  return {
    name,
    title,
    description,
    isOwn,
    fields: Object.entries(fields).map(([field, about]) => ({ name: field, ...about })),
  };
}

async function filesOf(
  wanted: NewMachine,
  served: Served,
  workspace: Workspace,
): Promise<Result<readonly ProfileFile[]>> {
  const project = await workspace.load();
  return project.ok ? machineFiles(wanted, project.value, placesOf(workspace, served)) : project;
}

/** One new machine after the other: each adds itself to the vlb.yaml that it has read, and undoes that where it is not valid. */
const writing = oneByOne();

async function create({ body }: Call<Record<never, never>, typeof MACHINE_ENTRIES>, served: Served) {
  const workspace = served.open();
  const files = await writing(async () => {
    const made = await filesOf(body, served, workspace);
    if (!made.ok) return made;
    const written = await writeMachine(made.value, workspace.directory, () => workspace.load());
    return written.ok ? made : written;
  });
  if (!files.ok) return files;
  served.onCreated(files.value.map((file) => file.path));
  return files;
}

export const MACHINE_ROUTES = [
  route({
    method: 'get',
    path: '/api/profiles',
    summary: 'the profiles: forms for new machines',
    answer: listOf(PROFILE),
    async run(_call, served) {
      const profiles = profilesIn(placesOf(served.open(), served));
      return profiles.ok ? ok(profiles.value.map(answerOf)) : profiles;
    },
  }),
  route({
    method: 'post',
    path: '/api/machines/preview',
    summary: 'the files of a new machine; nothing is written',
    body: MACHINE_ENTRIES,
    answer: FILES,
    run: ({ body }, served) => filesOf(body, served, served.open()),
  }),
  route({
    method: 'post',
    path: '/api/machines',
    summary: 'write the files of a new machine, as vlb new-machine does',
    writes: true,
    body: MACHINE_ENTRIES,
    answer: FILES,
    run: create,
  }),
  route({
    method: 'post',
    path: '/api/profiles',
    summary: 'save values as a profile of the project',
    writes: true,
    body: { profile: v.string(), name: v.string(), values: MACHINE_ENTRIES.values },
    answer: v.object({ file: v.string() }),
    async run({ body }, served) {
      const workspace = served.open();
      const saved = saveProfile(body, body.name, placesOf(workspace, served));
      if (!saved.ok) return saved;
      const file = path.relative(workspace.directory, saved.value);
      served.onCreated([file]);
      return ok({ file });
    },
  }),
];
