// A layer of steps while an import collects what is in it.

import path from 'node:path';
import type { Draft, StepEntry } from '../translate/draft.ts';
import { faultOf } from './check-step.ts';
import type { ImportedFile, Note } from './imported.ts';
import { layerYaml } from './layer-yaml.ts';

export interface FinishedLayer {
  readonly files: readonly ImportedFile[];
  readonly notes: readonly Note[];
}

/**
 * A new layer.
 * @param name of the layer, `20_app`
 * @param heading what is written above the fields of layer.yaml
 */
export function draftLayer(
  name: string,
  heading: string,
): Draft & { finish(fields?: Readonly<Record<string, unknown>>): FinishedLayer } {
  const steps: { step: StepEntry; comment: string | undefined }[] = [];
  const last: StepEntry[] = [];
  const notes: Note[] = [];
  const params: Record<string, string> = {};
  const secrets = new Set<string>();
  const files = new Map<string, ImportedFile['content']>();
  let comments: string[] = [];
  let network: 'none' | undefined;

  /** The same name again gets a number: `a.conf`, `2-a.conf`. */
  const add = (wanted: string, content: ImportedFile['content']): string => {
    const clean = wanted.replaceAll(/[^A-Za-z0-9._-]/g, '_').replace(/^[.-]+/, '') || 'file';
    const taken = (name: string) => RESERVED.includes(name) || files.has(name);
    let free = clean;
    for (let number = 2; taken(free); number++) free = `${number}-${clean}`;
    files.set(free, content);
    return `./${free}`;
  };

  const lost = (at: string, text: string): void => {
    notes.push({ at, text, isLost: true });
    comments.push(...`not imported: ${at}: ${text}`.split('\n'));
  };

  return {
    step(at, step) {
      const fault = faultOf(step, params);
      if (fault !== undefined) return lost(at, fault);
      steps.push({ step, comment: comments.length === 0 ? undefined : comments.join('\n') });
      comments = [];
    },
    lastStep(at, step) {
      const fault = faultOf(step, params);
      if (fault === undefined) last.push(step);
      else lost(at, fault);
    },
    lost,
    note: (at, text) => notes.push({ at, text, isLost: false }),
    param(name, value) {
      params[name] = value;
    },
    secret: (name) => secrets.add(name),
    withoutNetwork() {
      network = 'none';
    },
    textFile: (wanted, text, isScript) => add(wanted, { text, isScript }),
    copiedFile: (file) => {
      const same = [...files].find(([, content]) => 'copyOf' in content && content.copyOf === file);
      return same ? `./${same[0]}` : add(path.basename(file), { copyOf: file });
    },
    /** @param fields of the layer in addition to its steps, without which it may have none */
    finish(fields) {
      const isEmpty = steps.length + last.length === 0 && fields === undefined;
      const text = layerYaml({
        heading,
        ...(fields === undefined ? {} : { fields }),
        params,
        secrets: [...secrets],
        network,
        steps: isEmpty ? NOTHING : [...steps, ...last.map((step) => ({ step, comment: undefined }))],
        end: comments.length === 0 ? undefined : comments.join('\n'),
      });
      const directory = `layers/${name}`;
      const own = [...files].map(([file, content]) => ({ path: `${directory}/${file}`, content }));
      return { files: [{ path: `${directory}/layer.yaml`, content: { text } }, ...own], notes };
    },
  };
}

/** A layer has a step. */
const NOTHING = [{ step: { run: 'true' }, comment: undefined }];

/** Files of a layer that mean something to vlb. */
const RESERVED: readonly string[] = ['layer.yaml', 'build-layer', 'boot-layer', 'modify-disk'];
