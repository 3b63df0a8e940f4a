// All distributions that can be installed on an empty disk, by their names.

import { DEBIAN_SOURCES } from './debian.ts';
import { DNF_SOURCES } from './dnf.ts';
import type { Source } from './port.ts';

export const SOURCES: Readonly<Record<string, Source>> = { ...DEBIAN_SOURCES, ...DNF_SOURCES };
