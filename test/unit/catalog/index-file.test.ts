// Indexes of virt-builder repositories: what is read, what is refused and where, and that nothing else changes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  fieldIn,
  indexText,
  parseIndex,
  type Section,
  signedText,
  withoutEnvelope,
} from '../../../src/catalog/index-file.ts';
import {
  findSection,
  readTemplate,
  sectionText,
  type Template,
  withTemplate,
} from '../../../src/catalog/template.ts';
import { failureIn, valueIn } from '../../rig/tree.ts';

const SUM = 'ab'.repeat(64);

const INDEX = `# Templates of the team.

[web]
name=A web server
osinfo=debian13
arch=x86_64
file=web.xz
checksum[sha512]=${SUM}
revision=3
format=raw
size=6442450944
compressed_size=468369232
expand=/dev/sda2
lvexpand=/dev/vg/root
notes=A web server
 
 With nginx.
  Indented.
notes[de]=Ein Webserver

# The same for ARM.
[web]  \t
arch=aarch64
file=arm/web.img
size=1024

[old]
arch=x86_64
file=old.xz
checksum=${SUM.toUpperCase()}
size=1024
aliases=older  oldest
hidden=true
`;

const read = (text: string) => valueIn(parseIndex(text, 'index'));
const first = (text: string): Section => read(text).sections[0] ?? assert.fail('no section');
const template = (text: string) => readTemplate(first(text), 'index');
const refused = (text: string) => {
  const { message, where } = failureIn(parseIndex(text, 'index'));
  return [message.replace('not an index of virt-builder: ', ''), where?.line];
};

describe('the index of a virt-builder repository', () => {
  test('a template has the fields that virt-builder reads', () => {
    assert.deepEqual(valueIn(template(INDEX)), {
      name: 'web',
      title: 'A web server',
      osinfo: 'debian13',
      arch: 'x86_64',
      file: 'web.xz',
      sha512: SUM,
      revision: 3,
      format: 'raw',
      size: 6442450944,
      compressedSize: 468369232,
      expand: '/dev/sda2',
      lvexpand: '/dev/vg/root',
      notes: 'A web server\n\nWith nginx.\n Indented.',
      translations: { de: 'Ein Webserver' },
      aliases: [],
      isHidden: false,
    });
  });

  test('fields have defaults, and an older checksum is one', () => {
    const [, arm, old] = read(INDEX).sections.map((section) => valueIn(readTemplate(section, 'index')));
    assert.deepEqual(arm, {
      name: 'web',
      arch: 'aarch64',
      file: 'arm/web.img',
      revision: 1,
      size: 1024,
      translations: {},
      aliases: [],
      isHidden: false,
    });
    assert.equal(old?.sha512, SUM);
    assert.deepEqual(old?.aliases, ['older', 'oldest']);
    assert.equal(old?.isHidden, true);
  });

  test('text that is not an index is refused with its line', () => {
    assert.deepEqual(refused('name=x\n'), ['the field name is not in a section', 1]);
    assert.deepEqual(refused('[web]\nnotes=x\ny\n'), ['neither a [section], a field=value nor a comment', 3]);
    assert.deepEqual(refused('[web site]\n')[1], 1);
    assert.deepEqual(refused('\n[web]\narch=x\narch=y\n'), ['a second arch of web', 4]);
    assert.deepEqual(refused('[web]\narch=x\n[web]\narch=x\n'), ['a second web for x', 3]);
    const [continued] = read('[web]\nnotes=a\n# b\n c\n').sections;
    assert.equal(continued?.fields[0]?.value, 'a\nc');
    assert.deepEqual(refused('[web]\nnotes=a\n\n c\n')[1], 4);
    assert.equal(read('# a comment\n\n').sections.length, 0);
    assert.equal(read('').sections.length, 0);
  });

  test('wrong fields are refused with their line', () => {
    const wrong = (...fields: readonly string[]) => {
      const { message, where } = failureIn(template(['[web]', 'arch=x86_64', ...fields, ''].join('\n')));
      return [message.replace('the template web: ', ''), where?.line];
    };
    assert.deepEqual(wrong(), ['file is missing', 1]);
    assert.deepEqual(wrong('file=web.xz'), ['size is missing', 1]);
    for (const place of ['/etc/passwd', '../web.xz', 'a/../../b', 'https://example.org/web.xz']) {
      assert.deepEqual(wrong(`file=${place}`), ['file must be in the directory of the index', 3]);
    }
    assert.deepEqual(wrong('file=web.xz', 'size=10G'), ['size must be a number', 4]);
    assert.deepEqual(wrong('file=web.xz', 'size=1', 'revision=-1'), ['revision must be a number', 5]);
    assert.match(String(wrong('file=web.xz', 'size=1', 'checksum=1234')[0]), /must be a SHA-512/);
    assert.match(String(wrong('file=web.xz', 'size=1', 'format=vmdk')[0]), /unknown format "vmdk"/);
    assert.match(String(wrong('file=web.xz', 'size=1', 'hidden=maybe')[0]), /true or false/);
  });

  test('a template in the place of an earlier one leaves everything else as it is', () => {
    const earlier = valueIn(template(INDEX));
    const changed = indexText(withTemplate(read(INDEX), { ...earlier, revision: 4 }));
    assert.equal(changed, INDEX.replace('revision=3', 'revision=4'));
    assert.equal(fieldIn(first(changed), 'revision')?.value, '4');
  });

  test('another template comes last, after a blank line', () => {
    const added: Template = { ...valueIn(template(INDEX)), name: 'db', notes: 'a\nb' };
    for (const text of [INDEX, INDEX.trimEnd(), `${INDEX}\n`, '', '# only a comment\n']) {
      const changed = indexText(withTemplate(read(text), added));
      assert.ok(changed.startsWith(text));
      assert.match(changed, /(^|\n|comment\n)\[db\]\nname=/);
      assert.equal(/[^\n]\n\[db\]/.test(changed.replace(/^#.*\n/, '')), false, changed);
      const found = findSection(read(changed), added) ?? assert.fail('it is not found');
      assert.deepEqual(valueIn(readTemplate(found, 'index')), added);
    }
  });

  test('the text of a signature is without its envelope', () => {
    const signed = [
      '-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n',
      INDEX.replace('[old]', '- -----\n[old]'),
      '-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n',
    ].join('');
    assert.equal(withoutEnvelope(signed), INDEX.replace('[old]', '-----\n[old]'));
    assert.equal(withoutEnvelope(INDEX), INDEX);
    const own = withoutEnvelope(signed);
    assert.equal(signedText(signed, own.replaceAll(/ +$/gm, '')), own);
    assert.equal(signedText(signed, own.replace('nginx', 'apache')), undefined);
    assert.equal(signedText(`[evil]\n${signed}`, own), undefined);
    assert.equal(withoutEnvelope('-----BEGIN PGP SIGNED MESSAGE-----\n'), '');
  });
});

describe('any index', () => {
  const BOUNDS = { seed: 42, numRuns: 300 } as const;
  const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const value = fc.stringMatching(/^([ -~ä]|\n){0,40}$/);
  const any = fc.record(
    {
      name: fc.stringMatching(/^[-A-Za-z0-9._]{1,12}$/),
      arch: word,
      title: fc.stringMatching(/^[a-z[][ -~]{0,20}[a-z]$/),
      file: word,
      revision: fc.nat(),
      size: fc.nat(),
      // virt-builder cannot keep blanks at the end, or an empty text.
      notes: value.map((text) => `x${text}`.trimEnd()),
      translations: fc.dictionary(fc.constantFrom('de', 'pt_BR'), fc.constant('y'), {
        noNullPrototype: true,
      }),
      aliases: fc.array(word, { maxLength: 3 }),
      isHidden: fc.boolean(),
    },
    { noNullPrototype: true },
  );

  test('what was written is read', () => {
    fc.assert(
      fc.property(any, (given) => {
        const written = sectionText(given);
        const section = first(written);
        assert.deepEqual(valueIn(readTemplate(section, 'index')), given);
        assert.equal(indexText(read(written)), written);
      }),
      BOUNDS,
    );
  });

  test('a text is refused with a line, or comes back as it was', () => {
    const part = fc.oneof(
      fc.constantFrom(
        '[a]\n',
        '\n',
        ' \n',
        '# c\n',
        'arch=x\n',
        'notes=x\n',
        ' y\n',
        'k[s]=v\r\n',
        '[b] \n',
        'z\n',
      ),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
        const text = parts.join('');
        const parsed = parseIndex(text, 'index');
        if (parsed.ok) assert.equal(indexText(parsed.value), text);
        else assert.ok((parsed.failure.where?.line ?? 0) > 0);
      }),
      BOUNDS,
    );
  });
});
