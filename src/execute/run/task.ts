// A run as its kind works on it.

import type { Task } from '../../kinds/kind.ts';
import { ok } from '../../model/failure.ts';
import { scriptEnvironment } from './environment.ts';
import { enter, type Job } from './job.ts';
import { runScript } from './script.ts';
import { fullStore } from './space.ts';

export function taskOf(job: Job): Task {
  const { layer, lineage, bench, draft, staged, secrets, caches, directory, context } = job;
  return {
    ...{ layer, lineage, bench, draft, staged, secrets, caches, directory },
    images: context.host.images,
    artifactDirectory: context.store.artifactDirectory,
    lendsDevices: context.host.lendsDevices,
    environment: scriptEnvironment(context.environment.variables, layer.params),
    enter: (stage) => enter(stage, job),
    script: (start) => runScript(job, start),
    checkSpace: () => {
      const full = fullStore(context);
      return full ? { ok: false, failure: full } : ok();
    },
  };
}
