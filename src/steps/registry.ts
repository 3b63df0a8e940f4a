// All verbs of layers of steps, in the order of their documentation.

import type { Verb } from './verb.ts';
import { INSTALL } from './verbs/packages/install.ts';
import { REPOSITORY } from './verbs/packages/repository.ts';
import { UNINSTALL } from './verbs/packages/uninstall.ts';
import { UPDATE } from './verbs/packages/update.ts';
import { RUN } from './verbs/run.ts';

export const VERBS: readonly Verb[] = [INSTALL, UNINSTALL, UPDATE, REPOSITORY, RUN];
