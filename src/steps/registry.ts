// All verbs of layers of steps, in the order of their documentation.

import type { Verb } from './verb.ts';
import { APPEND } from './verbs/files/append.ts';
import { CHMOD } from './verbs/files/chmod.ts';
import { CHOWN } from './verbs/files/chown.ts';
import { COPY } from './verbs/files/copy.ts';
import { DELETE } from './verbs/files/delete.ts';
import { DOWNLOAD } from './verbs/files/download.ts';
import { EDIT } from './verbs/files/edit.ts';
import { LINK } from './verbs/files/link.ts';
import { MKDIR } from './verbs/files/mkdir.ts';
import { MOVE } from './verbs/files/move.ts';
import { TEMPLATE } from './verbs/files/template.ts';
import { TOUCH } from './verbs/files/touch.ts';
import { TRUNCATE } from './verbs/files/truncate.ts';
import { WRITE } from './verbs/files/write.ts';
import { INSTALL } from './verbs/packages/install.ts';
import { REPOSITORY } from './verbs/packages/repository.ts';
import { UNINSTALL } from './verbs/packages/uninstall.ts';
import { UPDATE } from './verbs/packages/update.ts';
import { RUN } from './verbs/run.ts';
import { SCRIPT } from './verbs/script.ts';
import { TRIM } from './verbs/space/trim.ts';
import { ZERO_FREE } from './verbs/space/zero-free.ts';

export const VERBS: readonly Verb[] = [
  INSTALL,
  UNINSTALL,
  UPDATE,
  REPOSITORY,
  COPY,
  WRITE,
  APPEND,
  EDIT,
  TEMPLATE,
  DOWNLOAD,
  DELETE,
  MKDIR,
  LINK,
  MOVE,
  CHMOD,
  CHOWN,
  TOUCH,
  TRUNCATE,
  RUN,
  SCRIPT,
  TRIM,
  ZERO_FREE,
];
