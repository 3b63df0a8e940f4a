// All kinds: of layers, by the names of their scripts, and of bases.

import type { Base, Layer, ScriptKind } from '../model/project.ts';
import { fileBase } from './base/file.ts';
import { installerBase } from './base/installer.ts';
import { templateBase } from './base/template.ts';
import { urlBase } from './base/url.ts';
import { BOOT_LAYER } from './boot-layer.ts';
import { BUILD_LAYER } from './build-layer.ts';
import type { BaseKind, Kind } from './kind.ts';
import { LEGACY_DISK } from './legacy-disk.ts';
import { MODIFY_DISK } from './modify-disk.ts';
import { NEW_SYSTEM } from './new-system.ts';
import { STEPS } from './steps/steps.ts';

const KINDS: Readonly<Record<ScriptKind, (layer: Pick<Layer, 'hints' | 'system'>) => Kind>> = {
  'build-layer': () => BUILD_LAYER,
  'modify-disk': ({ hints }) => (hints.diskSize === undefined ? LEGACY_DISK : MODIFY_DISK),
  'layer.yaml': ({ system }) => (system ? NEW_SYSTEM : STEPS),
  'boot-layer': () => BOOT_LAYER,
};

/** The kind of a layer. */
export function kindOf(layer: Pick<Layer, 'kind' | 'hints' | 'system'>): Kind {
  return KINDS[layer.kind](layer);
}

/** The kind of a base. */
export function baseKindOf(base: Base): BaseKind {
  switch (base.type) {
    case 'file':
      return fileBase(base);
    case 'url':
      return urlBase(base);
    case 'template':
      return templateBase(base);
    case 'installer':
      return installerBase(base);
  }
}

/** Whether a recipe's kind is one whose script runs in the system of the image, and so leaves its partitions as they are. */
export function runsInImage(recipeKind: string | undefined): boolean {
  return recipeKind !== undefined && [BUILD_LAYER, STEPS, BOOT_LAYER].some(({ name }) => name === recipeKind);
}
