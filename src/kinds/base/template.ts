// A base that is a template of a repository, as virt-builder has them.

import path from 'node:path';
import type { Template } from '../../catalog/template.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Base, Growth } from '../../model/project.ts';
import { withoutPassword } from '../../util/shown-path.ts';
import type { BaseKind, BaseRun } from '../kind.ts';
import { baseRecipe, digestsIn } from './content.ts';
import { indexFiles, isRemote, shownPlace } from './place.ts';
import { progressEmitter } from './url.ts';

type TemplateBase = Extract<Base, { type: 'template' }>;

/** What the recipe has of a template. A mirror of it at another place is the same. */
type Known = Pick<Template, 'revision'> & { readonly sha512: string } & Pick<Growth, 'expand'>;

/** The kind of a base that is a template: its key is computed from what the index says of it. */
export function templateBase(base: TemplateBase): BaseKind {
  const { template: name, source, growth } = base;
  return {
    files: indexFiles(source),
    isListed: true,
    source,
    recipe: async (inputs) => {
      const { remembered } = await import('./lists/remembered.ts');
      const about = {
        name: `template of ${inputs.name}`,
        origin: JSON.stringify([name, source, growth]),
        files: indexFiles(source),
      };
      const known = await remembered(about, inputs, async () => {
        const { findTemplate } = await import('./lists/templates.ts');
        const found = await findTemplate(name, source, inputs);
        return found.ok ? knownOf(found.value, base) : found;
      });
      return known.ok ? ok(recipeOf(known.value, growth)) : known;
    },
    import: (run) => importTemplate(base, run),
  };
}

function recipeOf({ revision, sha512, expand }: Known, growth: Growth | undefined): string {
  const content = `template revision:${revision} sha512:${sha512}`;
  return baseRecipe(content, growth && { ...growth, ...(expand === undefined ? {} : { expand }) });
}

/** Fails as `usage` for a template without a checksum, and for one whose disk cannot grow as the base says. */
function knownOf(template: Template, { source, growth }: TemplateBase): Result<Known> {
  const { name, revision, sha512, expand, lvexpand } = template;
  const where = { file: shownPlace(source.index) };
  if (sha512 === undefined) {
    return fail('usage', `the template ${name} has no checksum`, {
      where,
      hint: 'its publisher has to add one: virt-builder-repository and vlb publish do',
    });
  }
  if (!growth) return ok({ revision, sha512 });
  if (growth.expand !== undefined) return ok({ revision, sha512, expand: growth.expand });
  if (lvexpand !== undefined) {
    return fail(
      'usage',
      `the template ${name} has its system on a logical volume, ${lvexpand}, which base.size cannot grow`,
      {
        where,
        hint: 'leave base.size out, or name a partition without LVM: base.expand',
      },
    );
  }
  const number = /\d+$/.exec(expand ?? '')?.[0];
  return ok({ revision, sha512, ...(number === undefined ? {} : { expand: Number(number) }) });
}

async function importTemplate(base: TemplateBase, run: BaseRun) {
  const { template: name, source, growth } = base;
  const { signal, environment, recipe, host } = run;
  const { findTemplate } = await import('./lists/templates.ts');
  const found = await findTemplate(name, source, {
    verifySignature: host.verifySignature,
    exportKey: host.exportKey,
    environment,
    signal,
  });
  if (!found.ok) return found;
  const known = knownOf(found.value, base);
  if (!known.ok) return known;
  if (recipeOf(known.value, growth) !== recipe) {
    return fail('usage', `the template ${name} is not the one that was read last`, {
      where: { file: shownPlace(source.index) },
      hint: `take the new one: vlb build --force=${run.name}`,
    });
  }
  if (source.trust.type === 'checksums-only') {
    run.emit({ type: 'note', message: `the index ${shownPlace(source.index)} is used without a signature` });
  }
  const { importImage } = await import('./image.ts');
  const place = placeOf(found.value.file, source.index);
  const open = async () => {
    if (!isRemote(place)) return ok(await host.images.read(place, signal));
    const { download } = await import('./download.ts');
    return download(place, { signal, variables: environment.variables, onProgress: progressEmitter(run) });
  };
  const { expand } = known.value;
  return importImage(
    {
      place: isRemote(place) ? withoutPassword(place) : place,
      digests: digestsIn(recipe),
      checksums: { source: source.index },
      ...(growth && { growth: { ...growth, ...(expand === undefined ? {} : { expand }) } }),
      open,
      recipeOf: () => recipe,
    },
    run,
  );
}

/** The place of a file of a repository, beside its index or below. A password of the index's URL is that of the file too. */
function placeOf(file: string, index: string): string {
  if (!isRemote(index)) return path.join(path.dirname(index), file);
  const url = new URL(index);
  url.pathname = path.posix.join(
    path.posix.dirname(url.pathname),
    file.split('/').map(encodeURIComponent).join('/'),
  );
  return url.href;
}
