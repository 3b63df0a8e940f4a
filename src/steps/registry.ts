// All verbs of layers of steps, in the order of their documentation.

import type { Verb } from './verb.ts';
import { RUN } from './verbs/run.ts';

export const VERBS: readonly Verb[] = [RUN];
