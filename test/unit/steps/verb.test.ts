import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { distributionOf } from '../../../src/distro/distribution.ts';
import { VERBS } from '../../../src/steps/registry.ts';

suite('verbs', () => {
  test('the order of fields changes no text', () => {
    const run = VERBS.find(({ name }) => name === 'run');
    const one = run?.step({ command: 'true', user: 'ann' });
    const other = run?.step({ user: 'ann', command: 'true' });
    assert(one?.ok && other?.ok);
    assert.equal(one.step.text, '{"run":{"command":"true","user":"ann"}}');
    assert.equal(other.step.text, one.step.text);
    assert.equal(one.step.title, 'run true');
  });
});

suite('distributionOf', () => {
  test('reads what os-release says, quoted or not', () => {
    assert.deepEqual(
      distributionOf('ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID=\'9.3\'\nNAME="A \\"b\\""\n'),
      { id: 'rocky', like: ['rhel', 'centos', 'fedora'], version: '9.3', codename: undefined },
    );
    assert.equal(distributionOf('').id, 'linux');
  });
});
