// All verbs of layers of steps, in the order of their documentation.

import type { Verb } from './verb.ts';
import { ANSIBLE } from './verbs/ansible.ts';
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
import { SYSPREP } from './verbs/sysprep.ts';
import { FIRSTBOOT } from './verbs/system/firstboot.ts';
import { FIRSTLOGIN } from './verbs/system/firstlogin.ts';
import { GUEST_AGENT } from './verbs/system/guest-agent.ts';
import { HOSTNAME } from './verbs/system/hostname.ts';
import { KERNEL_OPTIONS } from './verbs/system/kernel-options.ts';
import { KEYMAP } from './verbs/system/keymap.ts';
import { LOCALE } from './verbs/system/locale.ts';
import { NETWORK } from './verbs/system/network.ts';
import { SELINUX } from './verbs/system/selinux.ts';
import { SERVICE } from './verbs/system/service.ts';
import { TIMEZONE } from './verbs/system/timezone.ts';
import { GROUP } from './verbs/users/group.ts';
import { PASSWORD_VERB } from './verbs/users/password.ts';
import { ROOT_PASSWORD } from './verbs/users/root-password.ts';
import { SSH_KEY } from './verbs/users/ssh-key.ts';
import { USER } from './verbs/users/user.ts';

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
  ANSIBLE,
  USER,
  GROUP,
  PASSWORD_VERB,
  ROOT_PASSWORD,
  SSH_KEY,
  HOSTNAME,
  TIMEZONE,
  LOCALE,
  KEYMAP,
  NETWORK,
  SERVICE,
  FIRSTBOOT,
  FIRSTLOGIN,
  KERNEL_OPTIONS,
  SELINUX,
  GUEST_AGENT,
  SYSPREP,
  TRIM,
  ZERO_FREE,
];
