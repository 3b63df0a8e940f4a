// The templates of a project's sources, as their indexes have them now.

import type { Template } from '../../catalog/template.ts';
import { baseKindOf } from '../../kinds/registry.ts';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import type { TemplateSource } from '../../model/project.ts';
import { loadConfig } from '../../project/config/config.ts';
import type { Workspace } from '../workspace.ts';

export interface SourceTemplates {
  readonly source: TemplateSource;
  readonly templates: readonly Template[];
  /** Why others of its index are none. */
  readonly invalid: readonly Failure[];
}

/**
 * Reads the indexes of all sources in vlb.yaml, and that of the base. Fails as `usage` where there is none, where one is not signed as it has
 * to be or is not an index, and as `host` where one cannot be read.
 */
export async function sourceTemplates(
  { parts, paths }: Pick<Workspace, 'parts' | 'paths'>,
  signal: AbortSignal,
): Promise<Result<readonly SourceTemplates[]>> {
  // Before there is a layer.
  const config = await loadConfig(paths.project);
  if (!config.ok) return config;
  const { sources = [], base } = config.value;
  const ofBase = base && baseKindOf(base).source;
  const all = new Set([...sources, ...(ofBase ? [ofBase] : [])]);
  if (all.size === 0) {
    return fail('usage', 'vlb.yaml names no source of templates', {
      hint: 'add one, like "sources: { house: /srv/templates/index }"; docs/images.md has more',
    });
  }
  const { readTemplates } = await import('../../kinds/base/lists/templates.ts');
  const { verifySignature, exportKey } = parts.host({ nbd: [] });
  const inputs = { verifySignature, exportKey, environment: parts.environment, signal };
  const read: SourceTemplates[] = [];
  for (const source of all) {
    const templates = await readTemplates(source, inputs);
    if (!templates.ok) return templates;
    read.push({ source, ...templates.value });
  }
  return ok(read);
}
