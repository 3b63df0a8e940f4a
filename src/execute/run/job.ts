// One layer's run, as it is passed from step to step.

import type { TaskOn } from '../../kinds/kind.ts';
import type { Retention } from '../../model/artifact.ts';
import type { Stage } from '../../model/event.ts';
import type { Lineage } from '../../model/graph.ts';
import type { RunOwner, RunPlace, Workbench } from '../../model/ports/machine.ts';
import type { Layer } from '../../model/project.ts';
import type { Context } from '../run-context.ts';

export interface LayerRun {
  readonly layer: Layer;
  readonly lineage: Lineage;
  readonly keeping: Retention;
  /** Whether the result replaces a record that already has its key. */
  readonly replaces: boolean;
  /** Whether it neither uses nor leaves cache points. */
  readonly withoutPoints?: boolean;
  /** By default it shares a virtual machine with nothing. */
  readonly owner?: RunOwner;
}

export interface Job<Bench extends RunPlace = Workbench>
  extends LayerRun,
    Pick<TaskOn<Bench>, 'bench' | 'draft' | 'further' | 'staged' | 'secrets' | 'caches' | 'directory'> {
  readonly context: Context;
}

/** Emits that a run enters a stage. */
export function enter(stage: Stage, { context, layer }: Pick<Job, 'context' | 'layer'>): void {
  context.emit({ type: 'layer-stage', layer: layer.name, stage });
}
