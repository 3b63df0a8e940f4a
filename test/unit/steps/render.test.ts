import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { render } from '../../../src/steps/render.ts';

suite('render', () => {
  test('puts values in as they are', () => {
    assert.deepEqual(render('a {{ B }}\n', { B: '<&"\'$(x)>' }), { ok: true, value: 'a <&"\'$(x)>\n' });
    assert.deepEqual(
      render('{% for x in B.split(" ") %}[{{ x }}{{ loop.index }}]{% endfor %}', { B: '1 2' }),
      {
        ok: true,
        value: '[11][22]',
      },
    );
  });

  test('says which value does not exist, and in which line', () => {
    const rendered = render('x\n{{ VERSIONS }}', { VERSION: '1', layer: '20_app' });
    assert(!rendered.ok);
    assert.equal(rendered.failure.message, '"{{ VERSIONS }}" in line 2 has no value');
    assert.equal(rendered.failure.hint, 'did you mean VERSION?');
    const inside = render('{% if true %}{{ a.b }}{% endif %}', { a: {} });
    assert(!inside.ok);
    assert.match(inside.failure.message, /Line 1.*undefined/);
  });

  test('has a default for what may be absent', () => {
    assert.deepEqual(render('{{ A | default("b") }}', {}), { ok: true, value: 'b' });
  });

  test('reads no other file', () => {
    const rendered = render('{% include "package.json" %}', {});
    assert(!rendered.ok);
    assert.match(rendered.failure.message, /template not found: package\.json/);
  });
});
