import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { renderField, renderTemplate } from '../../../src/steps/render.ts';

suite('rendering', () => {
  test('puts values in as they are', () => {
    assert.deepEqual(renderTemplate('a {{ B }}\n', { B: '<&"\'$(x)>' }), {
      ok: true,
      value: 'a <&"\'$(x)>\n',
    });
    assert.deepEqual(
      renderTemplate('{% for x in B.split(" ") %}[{{ x }}{{ loop.index }}]{% endfor %}', { B: '1 2' }),
      {
        ok: true,
        value: '[11][22]',
      },
    );
  });

  test('says which value does not exist, and in which line', () => {
    const rendered = renderTemplate('x\n{{ VERSIONS }}', { VERSION: '1', layer: '20_app' });
    assert(!rendered.ok);
    assert.equal(rendered.failure.message, '"{{ VERSIONS }}" in line 2 has no value');
    assert.equal(rendered.failure.hint, 'did you mean VERSION?');
    const inside = renderTemplate('{% if true %}{{ a.b }}{% endif %}', { a: {} });
    assert(!inside.ok);
    assert.match(inside.failure.message, /Line 1.*undefined/);
  });

  test('has a default for what may be absent', () => {
    assert.deepEqual(renderTemplate('{{ A | default("b") }}', {}), { ok: true, value: 'b' });
  });

  test('reads no other file', () => {
    const rendered = renderTemplate('{% include "package.json" %}', {});
    assert(!rendered.ok);
    assert.match(rendered.failure.message, /template not found: package\.json/);
  });

  test('replaces nothing but values in a field', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's
    const shell = 'for word in {#a,b}; do echo "${#word} {% raw %} {{ NAME }}" "${word#}}"; done\n';
    assert.deepEqual(renderField(shell, { NAME: '{{ a }}{#' }), {
      ok: true,
      value: shell.replace('{{ NAME }}', '{{ a }}{#'),
    });
    assert.deepEqual(renderField('{{ A | upper }}', { A: 'b' }), { ok: true, value: 'B' });
    assert(!renderField('{{ NAMES }}', { NAME: 'x' }).ok);
  });

  test('a layer has no machine', () => {
    const rendered = renderTemplate('{{ machine.name }}', { layer: '20_app' });
    assert(!rendered.ok);
    assert.match(rendered.failure.message, /several machines/);
    assert.deepEqual(renderField('{{ machine }}', { machine: 'x' }), { ok: true, value: 'x' });
  });
});
