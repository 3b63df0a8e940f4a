// ansible: a playbook of the layer, run on the host against the image.

import * as v from 'valibot';
import { ok } from '../../model/failure.ts';
import { quoteCommand } from '../../util/quote.ts';
import { layerPath, mapping, oneOf, text } from '../fields.ts';
import { cleanPath, fileArgument } from '../layer-files.ts';
import { defineVerb } from '../verb.ts';

const RULE = 'must be a playbook of the layer, or a mapping with "playbook"';

const SCHEMA = oneOf(RULE, [
  layerPath(),
  mapping({
    playbook: layerPath(),
    variables: v.optional(v.record(text(), text('must be a text'))),
  }),
]);

/**
 * Facts, modules and other temporary files go where they end with the step: on the host into the run's own directory, in the image
 * into its /tmp. What runs in the image has these variables too, and there is no TMPDIR there. ansible(1) refuses a locale that is not
 * UTF-8.
 */
const ENVIRONMENT = [
  'export LC_ALL=C.UTF-8 ANSIBLE_HOME="$TMPDIR" ANSIBLE_LOCAL_TEMP="$TMPDIR" ANSIBLE_REMOTE_TEMP=/tmp',
  'export ANSIBLE_RETRY_FILES_ENABLED=0 ANSIBLE_NOCOWS=1; unset TMPDIR',
].join('\n');

/** Whatever the path of the image is, ansible does not read it as a list of hosts or of variables. */
const ROOT = { ansible_host: "{{ lookup('env', 'VLB_ROOT') }}" };

const COMMAND = [
  'ansible-playbook',
  ...['--connection', 'community.general.chroot', '--inventory', 'image,'],
  ...['--extra-vars', JSON.stringify(ROOT)],
];

export const ANSIBLE = defineVerb({
  name: 'ansible',
  summary:
    'Runs a playbook of the layer against the image, by the ansible-playbook of the host and its connection plugin community.general.chroot. The only host of its inventory is `image`, which needs Python for most modules. Like a modify-disk, the playbook can reach the host (`delegate_to: localhost`)',
  examples: [
    'ansible: site.yml',
    "ansible: { playbook: site.yml, variables: { http_port: '8080', version: '{{ VERSION }}' } }",
  ],
  schema: SCHEMA,
  hostTool: 'ansible-playbook',
  title: (args) => playbookOf(args),
  // Roles, templates and files, by names that only the playbook has.
  reads: () => 'all',
  compile(args, { files }) {
    const playbook = cleanPath(playbookOf(args));
    const content = files.read(playbook);
    if (!content.ok) return content;
    const variables = typeof args === 'string' ? undefined : args.variables;
    const words = [
      ...(variables === undefined ? [] : ['--extra-vars', JSON.stringify(variables)]),
      fileArgument(playbook),
    ];
    return ok({ shell: `${ENVIRONMENT}\n${quoteCommand([...COMMAND, ...words])}` });
  },
});

function playbookOf(args: v.InferOutput<typeof SCHEMA>): string {
  return typeof args === 'string' ? args : args.playbook;
}
