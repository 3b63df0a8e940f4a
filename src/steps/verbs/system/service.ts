// service: turns services of the image on and off.

import * as v from 'valibot';
import { serviceManagerOf } from '../../../distro/services.ts';
import { fail, ok } from '../../../model/failure.ts';
import { quoteCommand } from '../../../util/quote.ts';
import { asList, layerPath, mapping, oneOrMany, pattern } from '../../fields.ts';
import { cleanPath, exactly, fileArgument } from '../../layer-files.ts';
import { defineVerb } from '../../verb.ts';

const RULE = 'must be the name of a service';
const NAMES = oneOrMany(RULE, pattern(RULE, /^[A-Za-z0-9_][A-Za-z0-9@:_.\\-]*$/));

export const SERVICE = defineVerb({
  name: 'service',
  summary:
    'Enables, disables or masks services. `unit` are files of the layer, such as app.service, that are put where the service manager finds them',
  examples: [
    'service: { enable: [nginx, ssh] }',
    'service: { unit: app.service, enable: app }',
    'service: { disable: apt-daily.timer, mask: [ctrl-alt-del.target] }',
  ],
  schema: v.pipe(
    mapping({
      unit: v.optional(oneOrMany('must be a file of the layer', layerPath())),
      enable: v.optional(NAMES),
      disable: v.optional(NAMES),
      mask: v.optional(NAMES),
    }),
    v.check((given) => Object.keys(given).length > 0, 'must have unit, enable, disable or mask'),
  ),
  version: 2,
  title: (args) =>
    Object.entries(args)
      .map(([name, given]) => [name, ...asList(given)].join(' '))
      .join(', '),
  reads: ({ unit }) => asList(unit).map(exactly),
  compile(args, { distribution, files }) {
    const manager = serviceManagerOf(distribution);
    const lines: string[] = [];
    for (const unit of asList(args.unit)) {
      const name = cleanPath(unit).replace(/^.*\//, '');
      const isUnit =
        /^[A-Za-z0-9_][A-Za-z0-9@:_.\\-]*\.(?:service|socket|timer|path|mount|automount|target|slice|swap)$/;
      if (manager.name === 'systemd' && !isUnit.test(name)) {
        return fail('usage', `${unit} is not the name of a unit of systemd, such as app.service`);
      }
      const content = files.read(cleanPath(unit));
      if (!content.ok) return content;
      const place = `${manager.directory}/${name}`;
      lines.push(
        quoteCommand(['rm', '-f', place]),
        quoteCommand(['cp', fileArgument(unit), place]),
        quoteCommand(['chmod', manager.mode, place]),
      );
    }
    if (args.mask !== undefined) {
      const masked = manager.mask(asList(args.mask));
      if (!masked.ok) return masked;
      lines.push(masked.value);
    }
    if (args.disable !== undefined) lines.push(manager.disable(asList(args.disable)));
    if (args.enable !== undefined) lines.push(manager.enable(asList(args.enable)));
    return ok({ shell: lines.join('\n') });
  },
});
