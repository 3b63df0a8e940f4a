// firstlogin: a script that runs once for a user, at the first log-in.

import * as v from 'valibot';
import { fed } from '../../../distro/shell-text.ts';
import { ok } from '../../../model/failure.ts';
import { accountName, layerPath, mapping, oneOf } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';
import {
  type FirstScript,
  hasOne,
  NOT_ONE,
  nameOf,
  putScript,
  readsOf,
  SCRIPT_FIELDS,
  titleOf,
} from './first-scripts.ts';

const PLACE = '/usr/lib/vlb/firstlogin';

const PROFILE = `# Runs the scripts for the first log-in of a user, each until it succeeds once.
case $- in
  *i*)
    for vlb_script in ${PLACE}/all/* "${PLACE}/user-$(id -un)"/*; do
      vlb_done=\${XDG_STATE_HOME:-$HOME/.local/state}/vlb/firstlogin/\${vlb_script##*/}
      [ -x "$vlb_script" ] && [ ! -e "$vlb_done" ] || continue
      if "$vlb_script"; then
        mkdir -p "\${vlb_done%/*}" && : >"$vlb_done"
      fi
    done
    unset vlb_script vlb_done
    ;;
esac
`;

const RULE = 'must be a script of the layer, or a mapping with "script" or "command"';

const SCHEMA = oneOf(RULE, [
  layerPath(),
  v.pipe(mapping({ ...SCRIPT_FIELDS, user: v.optional(accountName()) }), v.check(hasOne, NOT_ONE)),
]);

export const FIRSTLOGIN = defineVerb({
  name: 'firstlogin',
  summary:
    'Has a script run at the first log-in of each user, or of `user`, with the rights of that user, in shells that read /etc/profile. If it fails, it runs again at the next log-in',
  examples: ['firstlogin: ./welcome.sh', 'firstlogin: { command: passwd, user: ann }'],
  schema: SCHEMA,
  shell: ['command'],
  title: (args) => titleOf(fieldsOf(args)),
  reads: (args) => readsOf(fieldsOf(args)),
  compile(args, { files }) {
    const fields = fieldsOf(args);
    const directory = `${PLACE}/${fields.user === undefined ? 'all' : `user-${fields.user}`}`;
    const script = putScript(fields, '"$script"', files);
    if (!script.ok) return script;
    return ok({
      shell: [
        `mkdir -p '${directory}' /etc/profile.d`,
        fed('cat >/etc/profile.d/vlb-firstlogin.sh', PROFILE),
        `number=$(($(find ${PLACE} -type f | wc -l) + 1))`,
        `script=$(printf '%s/%03d-%s' '${directory}' "$number" ${nameOf(fields)})`,
        ...script.value,
      ].join('\n'),
    });
  },
});

/** The fields of a mapping, whose type valibot loses behind a check on all of it. */
interface Fields extends FirstScript {
  readonly user?: string | undefined;
}

function fieldsOf(args: v.InferOutput<typeof SCHEMA>): Fields {
  return typeof args === 'string' ? { script: args } : args;
}
