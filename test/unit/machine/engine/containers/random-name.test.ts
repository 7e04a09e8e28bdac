import t from 'tap';
import { randomName } from '../../../../../src/machine/engine/containers/random-name.ts';

t.test('names are free and valid', async t => {
  const taken = new Set<string>();
  for (let count = 0; count < 5000; count += 1) {
    const name = randomName(name => taken.has(name));
    taken.add(name);
  }
  t.equal(taken.size, 5000);
  t.ok([...taken].every(name => /^[a-z]+_[a-z]+\d*$/.test(name)));
});
