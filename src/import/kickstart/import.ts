// Translates a kickstart file into a layer of steps on top of an image of its distribution.

import path from 'node:path';
import { type Kickstart, parseKickstart } from '../../kickstart/parse.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Draft } from '../../translate/draft.ts';
import { ON_AN_IMAGE, shown, translateKickstart } from '../../translate/kickstart/translate.ts';
import { draftLayer } from '../draft.ts';
import type { Imported, Source } from '../imported.ts';

export interface KickstartFile {
  /** As the user names it. */
  readonly file: string;
  /** The working directory, absolute. */
  readonly directory: string;
  /** Of the layer to write, `20_app`. */
  readonly layer: string;
}

/** Fails as `usage`, with file and line, for what is not a kickstart, and for commands that no version of it has. */
export function importKickstart({ file, directory, layer }: KickstartFile, source: Source): Result<Imported> {
  const locate = (name: string, from: string) => path.resolve(directory, path.dirname(from), name);
  const text = source.text(path.resolve(directory, file));
  if (text === undefined) return fail('usage', `no such file: ${file}`);
  const parsed = parseKickstart(file, text, (name, from) => {
    // An absolute path is one of the installer's.
    const found = path.isAbsolute(name) ? undefined : source.text(locate(name, from));
    if (found === undefined) return undefined;
    return { file: path.join(path.dirname(from), name), text: found };
  });
  if (!parsed.ok) return parsed;
  const draft = draftLayer(layer, `Imported from the kickstart file ${path.basename(file)}.`);
  noteIncluded(draft, parsed.value);
  const taken = translateKickstart(parsed.value, draft, ON_AN_IMAGE);
  if (!taken.ok) return taken;
  const { files, notes } = draft.finish();
  return ok({ files, notes });
}

function noteIncluded(draft: Draft, { missing, fromScripts }: Kickstart): void {
  for (const { name, place } of missing) draft.lost(shown(place), `%include ${name}: no such file`);
  for (const { name, place } of fromScripts) {
    draft.note(shown(place), `%include ${name}: as a script of %pre writes it, without its variables`);
  }
}
